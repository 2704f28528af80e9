// SPDX-License-Identifier: Apache-2.0

/// Which pairs of account and place, or account and device, have logged in before: three generations of Bloom filters, of which the oldest is
/// forgotten. Bounded whatever comes; who was never seen is taken for known about once in a thousand when a generation is full. Confined to
/// the detector.
struct Familiarity {
    /// 8 MiB a generation: 4 million pairs at one error in a thousand.
    private static let words = 1 << 20
    private static let capacity = 4_000_000
    /// Seconds of one generation.
    private static let span = 30.0 * 86_400

    private(set) var generations: [[UInt64]] = [[UInt64](repeating: 0, count: Familiarity.words)]
    private(set) var count = 0
    private(set) var since = 0.0

    /// Begins a new generation when the current one is old or full.
    mutating func turn(_ now: Double) {
        if since == 0 { since = now }
        if now - since < Familiarity.span && count < Familiarity.capacity { return }
        generations.insert([UInt64](repeating: 0, count: Familiarity.words), at: 0)
        if generations.count > 3 { generations.removeLast() }
        count = 0
        since = now
    }

    mutating func insert(_ pair: UInt64) {
        var isNew = false
        // All bits of a pair stand in one line of the cache: eight words.
        let line = Int(pair % UInt64(Familiarity.words / 8)) * 8
        var rest = KeyedHash.fold(pair, 0xd6e8_feb8_6659_fd93)
        for _ in 0..<6 {
            let bit: UInt64 = 1 << (rest & 63)
            let place = line + Int(rest >> 6 & 7)
            if generations[0][place] & bit == 0 {
                generations[0][place] |= bit
                isNew = true
            }
            rest >>= 9
        }
        if isNew { count += 1 }
    }

    func contains(_ pair: UInt64) -> Bool {
        for index in generations.indices where holds(index, pair) { return true }
        return false
    }

    private func holds(_ generation: Int, _ pair: UInt64) -> Bool {
        let line = Int(pair % UInt64(Familiarity.words / 8)) * 8
        var rest = KeyedHash.fold(pair, 0xd6e8_feb8_6659_fd93)
        for _ in 0..<6 {
            if generations[generation][line + Int(rest >> 6 & 7)] & (1 << (rest & 63)) == 0 { return false }
            rest >>= 9
        }
        return true
    }

    func save(to body: inout StateWriter) {
        body.put(count: count)
        body.put(since)
        body.put(count: generations.count)
        for words in generations { body.put(sparse: words) }
    }

    mutating func load(_ body: inout StateReader) throws(StateProblem) {
        count = min(Int(try body.number(UInt32.self)), Familiarity.capacity)
        since = try body.real()
        var read: [[UInt64]] = []
        for _ in 0..<(try body.count(3, width: 8)) { read.append(try body.sparse(Familiarity.words)) }
        if read.isEmpty { throw .damaged }
        generations = read
    }
}

/// What was seen in the last one to two spans: two Bloom filters in turn. Bounded, confined to the detector.
struct RecentSet {
    private static let words = 1 << 16
    private let span: Double
    private var current = [UInt64](repeating: 0, count: RecentSet.words)
    private var last = [UInt64](repeating: 0, count: RecentSet.words)
    private var since = 0.0

    init(span: Double) { self.span = span }

    /// True when it was not there; it is from now on.
    mutating func insert(_ key: UInt64, _ now: Double) -> Bool {
        if now - since >= span {
            if now - since >= 2 * span {
                last = [UInt64](repeating: 0, count: RecentSet.words)
            } else {
                swap(&last, &current)
            }
            current = [UInt64](repeating: 0, count: RecentSet.words)
            since = now
        }
        var isKnown = true
        var wasLast = true
        var rest = KeyedHash.fold(key, 0x9e37_79b9_7f4a_7c15)
        for _ in 0..<3 {
            let place = Int(rest % UInt64(RecentSet.words))
            let bit: UInt64 = 1 << (rest >> 16 & 63)
            if current[place] & bit == 0 { isKnown = false }
            if last[place] & bit == 0 { wasLast = false }
            current[place] |= bit
            rest = rest >> 22 | rest << 42
        }
        return !isKnown && !wasLast
    }
}
