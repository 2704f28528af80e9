// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Glibc

/// The signals that the daemon listens to, delivered on one queue.
final class UnixSignals {
    private var sources: [any DispatchSourceSignal] = []

    /// `handlers` by signal number, called on `queue`. SIGPIPE and SIGXFSZ are ignored: a closed
    /// peer or a file that may not grow is an errno, not an end.
    init(on queue: DispatchQueue, _ handlers: [(Int32, @Sendable () -> Void)]) {
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
        for (number, handler) in handlers {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler(handler: handler)
            source.resume()
            sources.append(source)
        }
    }
}
