// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// A value behind a mutex, whose hand-overs the thread sanitizer can see. Whoever holds it shares it; any thread may enter.
///
/// A contended `Mutex` is handed over by the kernel (a priority-inheriting futex), out of the sanitizer's sight: it then reports
/// races that are none. The loads and stores of `turn` say again what the mutex already guarantees; on x86-64 they are two
/// plain moves.
public struct Guarded<Value: ~Copyable>: ~Copyable, Sendable {
    private let mutex: Mutex<Value>
    private let turn = Atomic<Bool>(false)

    public init(_ value: consuming sending Value) {
        mutex = Mutex(value)
    }

    /// Runs `body` alone, and gives its result or its error.
    public borrowing func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        try mutex.withLock { value throws(Failure) in
            _ = turn.load(ordering: .acquiring)
            defer { turn.store(true, ordering: .releasing) }
            return try body(&value)
        }
    }
}
