// SPDX-License-Identifier: Apache-2.0
import Transport

/// Whether a client keeps up the least rate that is asked of it while we wait for it: with its body, or with its reading. A value, one for
/// each direction of a connection.
///
/// A timeout between two pieces is no bound at all for somebody who sends or reads a byte a second; 400 of them were still there
/// after nginx and HAProxy had waited for a quarter of an hour.
struct Pace {
    private var startedAt = MonotonicTime.never
    private var bytes: UInt64 = 0

    /// We wait for the client from now on, if we did not before.
    mutating func wait(_ now: MonotonicTime) { if startedAt == .never { startedAt = now } }

    mutating func moved(_ count: Int) { bytes &+= UInt64(count) }

    /// It is not the client whom we wait for.
    mutating func stop() {
        startedAt = .never
        bytes = 0
    }

    /// When what has come is too little: `grace` after the beginning, and a second later for every `rate` bytes. `rate` 0: never.
    func deadline(rate: Int, grace: Duration) -> MonotonicTime {
        if rate <= 0 || startedAt == .never { return .never }
        let seconds = min(bytes / UInt64(rate), 1 << 32)
        let rest = bytes % UInt64(rate) * 1_000 / UInt64(rate)
        return startedAt + grace + .milliseconds(Int64(clamping: seconds * 1_000 + rest))
    }
}
