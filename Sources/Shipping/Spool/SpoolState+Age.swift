// SPDX-License-Identifier: Apache-2.0
import Transport

/// Records do not wait for ever: a segment goes when its last record is too old.
extension SpoolState {
    /// Seconds since 1970.
    static var now: Int { Int(MonotonicTime.unixNanoseconds() / 1_000_000_000) }

    private var ageSeconds: Int? { maximumAge.map { max(1, $0.milliseconds / 1_000) } }

    /// The segment that is written to takes no more: by its size, or because it would keep old records as long as new ones.
    var isFull: Bool {
        guard let last = segments.last else { return false }
        if last.bytes >= segmentMaximum { return true }
        guard let ageSeconds else { return false }
        return Self.now - last.began > ageSeconds / 8
    }

    /// Between two looks.
    var expiryPause: Duration { .milliseconds(min(60_000, max(250, (ageSeconds ?? 0) * 1_000 / 16))) }

    /// Drops the segments with nothing but old records.
    mutating func dropExpired() {
        guard let ageSeconds, !isStopped else { return }
        let now = Self.now
        while let oldest = segments.first, now - oldest.ended > ageSeconds {
            if segments.count == 1 { closeActive() }
            for name in cursors.keys { cursors[name]?.expired = oldest.end }
            dropOldest()
        }
        // What was sent from memory may not outlive what it is a copy of.
        forgetRecent(below: segments.first?.first ?? waiting.first?.sequence ?? nextSequence)
    }
}
