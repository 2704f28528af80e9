// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A point on CLOCK_MONOTONIC. A value; loops read it once per wake-up and hand it out as `loop.now`.
public struct MonotonicTime: Comparable, Hashable, Sendable {
    public var nanoseconds: UInt64

    /// Later than every other point: "no deadline".
    public static let never = MonotonicTime(nanoseconds: .max)

    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    public static func now() -> MonotonicTime { MonotonicTime(nanoseconds: read(CLOCK_MONOTONIC)) }

    /// Nanoseconds since 1970-01-01 UTC.
    public static func unixNanoseconds() -> Int64 { Int64(truncatingIfNeeded: read(CLOCK_REALTIME)) }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return UInt64(bitPattern: Int64(time.tv_sec)) &* 1_000_000_000 &+ UInt64(bitPattern: Int64(time.tv_nsec))
    }

    public static func < (left: MonotonicTime, right: MonotonicTime) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Saturates at `never` and at zero.
    public static func + (time: MonotonicTime, duration: Duration) -> MonotonicTime {
        let change = duration.nanoseconds
        if change < 0 {
            let back = change.magnitude
            return MonotonicTime(nanoseconds: time.nanoseconds > back ? time.nanoseconds - back : 0)
        }
        let (sum, overflow) = time.nanoseconds.addingReportingOverflow(UInt64(change))
        return overflow ? .never : MonotonicTime(nanoseconds: sum)
    }

    /// Negative when `right` is the later one.
    public static func - (left: MonotonicTime, right: MonotonicTime) -> Duration {
        if left >= right { return .nanoseconds(Int64(clamping: left.nanoseconds - right.nanoseconds)) }
        return .nanoseconds(-Int64(clamping: right.nanoseconds - left.nanoseconds))
    }
}

extension Duration {
    /// The whole duration in nanoseconds, saturated (292 years).
    public var nanoseconds: Int64 {
        let whole = attoseconds
        let (high, low) = (UInt64(truncatingIfNeeded: whole >> 64), UInt64(truncatingIfNeeded: whole))
        // One division of the processor: five deadlines are set for each request, and `components` divides three times in software.
        if high < 1_000_000_000 {
            let divisor: UInt64 = 1_000_000_000
            return Int64(clamping: divisor.dividingFullWidth((high, low)).quotient)
        }
        return Int64(clamping: whole / 1_000_000_000)
    }
}
