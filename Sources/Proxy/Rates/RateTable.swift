// SPDX-License-Identifier: Apache-2.0
package import Rules
import Transport

/// What one counter counted, for all loops together: a request is charged under a short lock of its part of the table, so that a limit holds
/// exactly however many loops requests come by. Its memory is fixed.
///
/// A key has its place in one set of eight, which a keyed hash chooses. When a new key finds its set full, a key whose allowance is whole again
/// goes; else the one that has used the least, and never one that has used all of it: somebody who invents keys displaces the keys that he
/// invented before, and to displace another one must spend more than it did on each of seven keys that he cannot choose. When all
/// eight have used all, the new key is not counted, and that is.
package final class RateTable: Sendable {
    /// What was counted beside the requests.
    package struct Statistics: Sendable {
        /// Keys that were forgotten before their allowance was whole again.
        package var displaced: UInt64 = 0
        /// Requests that were not counted, as their key found no place.
        package var uncounted: UInt64 = 0
    }

    private final class Part: Sendable {
        let places: Guarded<RatePlaces>

        init(_ places: consuming sending RatePlaces) { self.places = Guarded(places) }
    }

    /// Whose counter it is: one that keeps it and its condition across a reload keeps its counts.
    package let identity: String
    package let condition: RateCondition
    let measure: RateMeasure
    private let parts: [Part]
    private let sets: UInt64

    private static let setsOfPart = 64

    package init(identity: String, _ condition: RateCondition) {
        self.identity = identity
        self.condition = condition
        let measure = RateMeasure(condition)
        self.measure = measure
        let wanted = (max(condition.keys, 8) + RatePlaces.setSize - 1) / RatePlaces.setSize
        let sets = min(wanted, RateTable.setsOfPart)
        parts = (0..<(wanted + sets - 1) / sets).map { _ in Part(RatePlaces(sets: sets, measure)) }
        self.sets = UInt64(sets)
    }

    /// Charges one request to a key, unless it has used its allowance: then the nanoseconds until it has some again. nil: it is within it.
    func charge(_ key: UInt64, now: MonotonicTime) -> UInt64? {
        let (part, set) = place(key)
        return parts[part].places.withLock { $0.charge(key, set: set, now: now.nanoseconds) }
    }

    /// Gives back what was charged at `time`.
    func refund(_ key: UInt64, chargedAt time: MonotonicTime) {
        let (part, set) = place(key)
        parts[part].places.withLock { $0.refund(key, set: set, chargedAt: time.nanoseconds) }
    }

    package var statistics: Statistics {
        parts.reduce(into: Statistics()) { sum, part in
            let own = part.places.withLock { $0.statistics }
            sum.displaced += own.displaced
            sum.uncounted += own.uncounted
        }
    }

    private func place(_ key: UInt64) -> (part: Int, set: Int) {
        let part = Int(key.multipliedFullWidth(by: UInt64(parts.count)).high)
        return (part, Int(key % sets))
    }
}

/// A table's parts, each with the places of some sets. Guarded by its part's lock.
struct RatePlaces: Sendable {
    static let setSize = 8

    private var places: [RatePlace]
    private let measure: RateMeasure
    private(set) var statistics = RateTable.Statistics()

    init(sets: Int, _ measure: RateMeasure) {
        places = [RatePlace](repeating: RatePlace(), count: sets * RatePlaces.setSize)
        self.measure = measure
    }

    mutating func charge(_ key: UInt64, set: Int, now: UInt64) -> UInt64? {
        let first = set * RatePlaces.setSize
        var best = -1
        var least = UInt64.max
        for place in first..<(first + RatePlaces.setSize) {
            if places[place].key == key { return measure.charge(&places[place], now: now) }
            let used = places[place].key == 0 ? 0 : measure.used(places[place], now: now)
            if used < least && used < measure.whole { (best, least) = (place, used) }
        }
        if best < 0 {
            statistics.uncounted += 1
            return nil
        }
        if least > 0 { statistics.displaced += 1 }
        places[best] = RatePlace(key: key)
        return measure.charge(&places[best], now: now)
    }

    mutating func refund(_ key: UInt64, set: Int, chargedAt time: UInt64) {
        let first = set * RatePlaces.setSize
        for place in first..<(first + RatePlaces.setSize) where places[place].key == key {
            measure.refund(&places[place], chargedAt: time)
        }
    }
}

/// One key's count.
struct RatePlace: Sendable {
    /// 0: nobody's.
    var key: UInt64 = 0
    /// Token bucket: when its allowance is whole again. Sliding window: the newest slice that was counted in.
    var time: UInt64 = 0
    /// Requests of the last eight slices, each at its number modulo eight.
    var slices = SIMD8<UInt16>()

    init(key: UInt64 = 0) { self.key = key }
}

/// How a counter measures. Immutable.
///
/// The token bucket is kept as one time (the generic cell rate algorithm, ITU-T I.371): when the bucket is full again. The sliding window is
/// cut into slices of a seventh; the running slice and the seven before it always cover the whole window, so that never more than the allowance
/// passes in any window; what is older than a window is forgotten at most a seventh late.
struct RateMeasure: Sendable {
    private let isWindow: Bool
    private let count: UInt64
    /// Nanoseconds that one request takes from the bucket, or of one slice.
    private let step: UInt64
    /// Nanoseconds from a full to an empty bucket.
    private let depth: UInt64
    /// The `used` of a key that has nothing left.
    let whole: UInt64

    init(_ condition: RateCondition) {
        isWindow = condition.algorithm == .slidingWindow
        count = UInt64(condition.count)
        let window = UInt64(condition.window)
        step = max(1, isWindow ? (window + 6) / 7 : window / UInt64(condition.count))
        depth = step * UInt64(condition.burst)
        whole = isWindow ? count : depth - step + 1
    }

    /// How much of its allowance a key has used: nothing at 0, all at `whole`.
    func used(_ place: RatePlace, now: UInt64) -> UInt64 {
        if !isWindow { return place.time > now ? place.time - now : 0 }
        return sum(place, slice: max(now / step, place.time))
    }

    func charge(_ place: inout RatePlace, now: UInt64) -> UInt64? {
        if !isWindow {
            let start = max(place.time, now)
            // Full after this request, if it fits.
            let end = start + step
            if end - now > depth { return end - now - depth }
            place.time = end
            return nil
        }
        // Loops read the clock one after the other: a slice does not go back.
        let slice = max(now / step, place.time)
        if sum(place, slice: slice) >= count { return wait(place, slice: slice, now: now) }
        forget(&place, before: slice)
        place.slices[Int(slice & 7)] += 1
        return nil
    }

    func refund(_ place: inout RatePlace, chargedAt time: UInt64) {
        if !isWindow {
            place.time = place.time > step ? place.time - step : 0
            return
        }
        let slice = time / step
        // A slice that is gone took its requests along.
        if slice > place.time || place.time - slice > 7 || place.slices[Int(slice & 7)] == 0 { return }
        place.slices[Int(slice & 7)] -= 1
    }

    private func sum(_ place: RatePlace, slice: UInt64) -> UInt64 {
        var sum: UInt64 = 0
        for back in 0..<UInt64(8) where place.time >= back && slice - (place.time - back) <= 7 {
            sum += UInt64(place.slices[Int((place.time - back) & 7)])
        }
        return sum
    }

    private func forget(_ place: inout RatePlace, before slice: UInt64) {
        if slice - place.time > 7 {
            place.slices = SIMD8()
        } else {
            var stale = place.time
            while stale < slice {
                stale += 1
                place.slices[Int(stale & 7)] = 0
            }
        }
        place.time = slice
    }

    /// Until so many of the oldest slices are gone that one request fits.
    private func wait(_ place: RatePlace, slice: UInt64, now: UInt64) -> UInt64 {
        var left = sum(place, slice: slice)
        var oldest = slice > 7 ? slice - 7 : 0
        while oldest < slice {
            if oldest <= place.time && place.time - oldest <= 7 { left -= UInt64(place.slices[Int(oldest & 7)]) }
            if left < count { break }
            oldest += 1
        }
        let end = (oldest + 8) * step
        return end > now ? end - now : 1
    }
}
