// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A point on CLOCK_MONOTONIC. A value; loops read it once per wake-up and hand it out as `loop.now`.
package struct MonotonicTime: Comparable, Hashable, Sendable {
    package var nanoseconds: UInt64

    /// Later than every other point: "no deadline".
    package static let never = MonotonicTime(nanoseconds: .max)

    package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    package static func now() -> MonotonicTime { MonotonicTime(nanoseconds: read(CLOCK_MONOTONIC)) }

    /// Nanoseconds since 1970-01-01 UTC.
    package static func unixNanoseconds() -> Int64 { Int64(truncatingIfNeeded: read(CLOCK_REALTIME)) }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return UInt64(bitPattern: Int64(time.tv_sec)) &* 1_000_000_000 &+ UInt64(bitPattern: Int64(time.tv_nsec))
    }

    package static func < (left: MonotonicTime, right: MonotonicTime) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Saturates at `never` and at zero.
    package static func + (time: MonotonicTime, duration: Duration) -> MonotonicTime {
        let change = duration.nanoseconds
        if change < 0 {
            let back = change.magnitude
            return MonotonicTime(nanoseconds: time.nanoseconds > back ? time.nanoseconds - back : 0)
        }
        let (sum, overflow) = time.nanoseconds.addingReportingOverflow(UInt64(change))
        return overflow ? .never : MonotonicTime(nanoseconds: sum)
    }

    /// Negative when `right` is the later one.
    package static func - (left: MonotonicTime, right: MonotonicTime) -> Duration {
        if left >= right { return .nanoseconds(Int64(clamping: left.nanoseconds - right.nanoseconds)) }
        return .nanoseconds(-Int64(clamping: right.nanoseconds - left.nanoseconds))
    }
}

extension Duration {
    /// The whole duration in nanoseconds, saturated (292 years).
    package var nanoseconds: Int64 {
        let (seconds, fraction) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, spill) = whole.addingReportingOverflow(fraction / 1_000_000_000)
        if overflow || spill { return seconds < 0 ? .min : .max }
        return sum
    }
}
