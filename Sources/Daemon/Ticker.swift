// SPDX-License-Identifier: Apache-2.0
import Dispatch

/// A repeating timer of the control plane on a queue of its own. Shared: Dispatch sources may be used from any thread, which their type does
/// not say.
final class Ticker: @unchecked Sendable {
    private let queue: DispatchQueue
    private let source: any DispatchSourceTimer
    private var isStarted = false

    init(label: String) {
        queue = DispatchQueue(label: label)
        source = DispatchSource.makeTimerSource(queue: queue)
    }

    /// Dispatch traps when a source goes that was never resumed: a start that fails half-way leaves such.
    deinit { if !isStarted { source.resume() } }

    /// Calls `body` every `milliseconds`, first after that time. Called once.
    func start(everyMilliseconds milliseconds: Int, _ body: @escaping @Sendable () -> Void) {
        let period = DispatchTimeInterval.milliseconds(milliseconds)
        source.schedule(deadline: .now() + period, repeating: period, leeway: .milliseconds(max(1, milliseconds / 10)))
        source.setEventHandler(handler: body)
        source.resume()
        isStarted = true
    }

    /// No call begins after this returns.
    func stop() {
        source.cancel()
        queue.sync {}
    }
}
