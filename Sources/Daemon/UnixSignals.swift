// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Glibc

/// The signals that the daemon listens to, delivered on one queue.
final class UnixSignals {
    private var sources: [any DispatchSourceSignal] = []

    /// SIGPIPE and SIGXFSZ stay ignored: a closed peer or a file that may not grow is an errno, not an end. A reload or a rotation that is
    /// asked for while the daemon starts must not end it; the files are read after this.
    static func ignoreUntilReady() {
        for number in [SIGPIPE, SIGXFSZ, SIGHUP, SIGUSR1] { signal(number, SIG_IGN) }
    }

    /// `handlers` by signal number, called on `queue`.
    init(on queue: DispatchQueue, _ handlers: [(Int32, @Sendable () -> Void)]) {
        for (number, handler) in handlers {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler(handler: handler)
            source.resume()
            sources.append(source)
        }
    }
}
