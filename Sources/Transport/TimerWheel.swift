// SPDX-License-Identifier: Apache-2.0

/// Deadlines of one loop's targets, at most one per target, in buckets of 2^24 ns (16.8 ms). Confined to its loop.
///
/// Lazy: a target stands in the bucket of the deadline it had when it was last looked at. A later deadline is one store in the target;
/// when the hand comes to the bucket the target is moved on. So a keep-alive connection whose deadline moves with every request costs
/// one relinking per deadline length, not per request. Deadlines beyond the wheel (68 s) stand in its last bucket and are moved on too.
///
/// Links are indices into `entries`, so a target that goes away can never be reached through a dangling pointer.
struct TimerWheel: ~Copyable {
    private struct Entry {
        var target: EventTarget?
        var next: Int32
        var previous: Int32
        var tick: UInt64
    }

    private static let buckets = 4096
    private static let none: Int32 = -1

    private var entries: [Entry] = []
    private var heads = [Int32](repeating: none, count: buckets)
    /// One bit per bucket that has entries, so that the next one is found by looking at 64 words.
    private var occupied: [64 of UInt64] = .init(repeating: 0)
    private var free = none
    /// The last tick whose bucket was emptied.
    private var hand: UInt64
    /// The tick of the moment that was last looked at.
    private var floor: UInt64
    /// No occupied bucket is due before this tick. May be too early (something was unlinked), never too late.
    private var earliest = UInt64.max
    private(set) var count = 0

    init(now: MonotonicTime) {
        hand = now.nanoseconds >> 24
        floor = hand
    }

    /// First tick at which a deadline has certainly passed.
    private static func tick(_ deadline: MonotonicTime) -> UInt64 { (deadline.nanoseconds >> 24) + 1 }

    /// Sets the target's deadline; `never` clears it.
    mutating func set(_ target: EventTarget, _ deadline: MonotonicTime) {
        target.deadline = deadline
        let place = target.timerEntry
        if place == TimerWheel.none {
            if deadline != .never { link(target, deadline) }
        } else if deadline == .never {
            // A registered target sets another one soon; one that is gone must not be kept alive by its old place.
            if target.registrations == 0 { unlink(place) }
        } else if TimerWheel.tick(deadline) < entries[Int(place)].tick {
            unlink(place)
            link(target, deadline)
        }
    }

    /// Lets go of a target that waits for nothing.
    mutating func forgetIfIdle(_ target: EventTarget) {
        if target.timerEntry != TimerWheel.none && target.deadline == .never { unlink(target.timerEntry) }
    }

    /// Milliseconds until the hand must move again, at most `limit`.
    func milliseconds(from now: MonotonicTime, limit: Int32) -> Int32 {
        if earliest == .max { return limit }
        let due = earliest << 24
        if due <= now.nanoseconds { return 0 }
        // Rounded up: waking a little too early would spin through the last millisecond.
        return Int32(min(UInt64(limit), (due - now.nanoseconds + 999_999) / 1_000_000))
    }

    /// The next target whose deadline passed, unlinked and cleared; nil when there is none left for this moment.
    mutating func popExpired(now: MonotonicTime) -> EventTarget? {
        let current = now.nanoseconds >> 24
        floor = max(floor, current)
        while earliest <= current {
            // Every bucket between the hand and `earliest` is empty. The hand stands on the bucket that is being emptied.
            hand = max(hand, earliest)
            let bucket = Int(earliest & 4095)
            while heads[bucket] != TimerWheel.none {
                let place = heads[bucket]
                guard let target = entries[Int(place)].target else { preconditionFailure("an entry without target") }
                let deadline = target.deadline
                unlink(place)
                if deadline == .never { continue }
                if deadline.nanoseconds < now.nanoseconds {
                    target.deadline = .never
                    return target
                }
                link(target, deadline)
            }
            earliest = nextOccupied(after: hand)
        }
        hand = max(hand, current)
        return nil
    }

    /// Drops every entry and so every reference to a target.
    mutating func removeAll() {
        for index in entries.indices {
            entries[index].target?.timerEntry = TimerWheel.none
            entries[index].target = nil
        }
        entries.removeAll()
        heads = [Int32](repeating: TimerWheel.none, count: TimerWheel.buckets)
        occupied = .init(repeating: 0)
        free = TimerWheel.none
        earliest = .max
        count = 0
    }

    private mutating func link(_ target: EventTarget, _ deadline: MonotonicTime) {
        // After the present moment, or a target that always sets a past deadline would never let the turn end. Not a round beyond the
        // hand: its bucket would be taken for an earlier one.
        let tick = min(max(TimerWheel.tick(deadline), floor + 1, hand + 1), hand + UInt64(TimerWheel.buckets) - 1)
        let bucket = Int(tick & 4095)
        let place: Int32
        let entry = Entry(target: target, next: heads[bucket], previous: TimerWheel.none, tick: tick)
        if free != TimerWheel.none {
            place = free
            free = entries[Int(place)].next
            entries[Int(place)] = entry
        } else {
            place = Int32(entries.count)
            entries.append(entry)
        }
        if entry.next != TimerWheel.none { entries[Int(entry.next)].previous = place }
        heads[bucket] = place
        occupied[bucket >> 6] |= 1 << UInt64(bucket & 63)
        target.timerEntry = place
        earliest = min(earliest, tick)
        count += 1
    }

    private mutating func unlink(_ place: Int32) {
        let entry = entries[Int(place)]
        let bucket = Int(entry.tick & 4095)
        if entry.next != TimerWheel.none { entries[Int(entry.next)].previous = entry.previous }
        if entry.previous != TimerWheel.none {
            entries[Int(entry.previous)].next = entry.next
        } else {
            heads[bucket] = entry.next
            if entry.next == TimerWheel.none { occupied[bucket >> 6] &= ~(1 << UInt64(bucket & 63)) }
        }
        entry.target?.timerEntry = TimerWheel.none
        entries[Int(place)] = Entry(target: nil, next: free, previous: TimerWheel.none, tick: 0)
        free = place
        count -= 1
    }

    private func nextOccupied(after tick: UInt64) -> UInt64 {
        if count == 0 { return .max }
        var offset: UInt64 = 1
        while offset <= UInt64(TimerWheel.buckets) {
            let bucket = Int((tick + offset) & 4095)
            let word = occupied[bucket >> 6] >> UInt64(bucket & 63)
            if word != 0 { return tick + offset + UInt64(word.trailingZeroBitCount) }
            offset += UInt64(64 - (bucket & 63))
        }
        return .max
    }
}
