// SPDX-License-Identifier: Apache-2.0

/// State that a `KeyTable` holds for one key.
protocol KeyState: Sendable {
    init()
    /// What is lost when it is forgotten; the least goes first.
    func worth(_ now: Double) -> Double
}

/// State that survives a restart.
protocol StoredState: KeyState {
    func save(to body: inout StateWriter)
    mutating func load(_ body: inout StateReader) throws(StateProblem)
}

/// State by key in bounded memory: sets of four, the least worthy of which makes room. A key enters only when it was seen before within a
/// quarter of an hour, so that half a million addresses of one attempt each push nobody out. Confined to the detector.
struct KeyTable<State: KeyState> {
    private let sets: Int
    private(set) var keys: [UInt64]
    var states: [State]
    private var seen = RecentSet(span: 900)

    /// `entries` is a power of two from 4 on.
    init(entries: Int) {
        sets = entries / 4
        keys = [UInt64](repeating: 0, count: entries)
        states = [State](repeating: State(), count: entries)
    }

    func find(_ key: UInt64) -> Int? {
        let start = place(key)
        for way in start..<(start + 4) where keys[way] == key { return way }
        return nil
    }

    /// The place of a key, made when it comes for the second time.
    mutating func enter(_ key: UInt64, _ now: Double) -> Int? {
        if let place = find(key) { return place }
        if seen.insert(key, now) { return nil }
        let start = place(key)
        var least = start
        for way in start..<(start + 4) {
            if keys[way] == 0 {
                least = way
                break
            }
            if states[way].worth(now) < states[least].worth(now) { least = way }
        }
        keys[least] = key
        states[least] = State()
        return least
    }

    fileprivate func place(_ key: UInt64) -> Int { Int(KeyedHash.fold(key, 0x9e37_79b9_7f4a_7c15) % UInt64(sets)) * 4 }
}

/// An estimate of how many different things were seen, in 64 bits: near enough up to 150.
struct SmallCount: Sendable {
    var bits: UInt64 = 0

    mutating func insert(_ hash: UInt64) { bits |= 1 << (hash >> 32 & 63) }

    func contains(_ hash: UInt64) -> Bool { bits & 1 << (hash >> 32 & 63) != 0 }

    /// -64 ln(1 - share of set bits), as a table would say it; 150 when all are set.
    var value: Int {
        let set = bits.nonzeroBitCount
        if set == 64 { return 150 }
        // Harmonic numbers: the expected draws until so many of 64 are hit.
        var sum = 0.0
        for number in 0..<set { sum += 64 / Double(64 - number) }
        return Int(sum.rounded())
    }
}

/// The different passwords that were tried on one account, exactly up to 24, as 16 bits of a hash that is salted with the account: two passwords
/// pass for one in a thousand accounts under 12 guesses. Nothing of a password can be told from it.
struct GuessSet: Sendable {
    static let limit = 24

    private var tags = InlineArray<24, UInt16>(repeating: 0)
    private(set) var value = 0

    mutating func insert(_ hash: UInt64) {
        if value == GuessSet.limit { return }
        let tag = UInt16(truncatingIfNeeded: hash >> 32)
        for index in 0..<value where tags[index] == tag { return }
        tags[value] = tag
        value += 1
    }
}

/// What is known of an address, or of a network.
struct SourceState: KeyState {
    var last = 0.0
    var onset = 0.0
    /// The walks of failing and of unknown accounts.
    var score = 0.0
    var unknownScore = 0.0
    /// Accounts that failed and that succeeded from here, of the last hour.
    var failing = SmallCount()
    var succeeding = SmallCount()
    var failures = 0.0
    var blockedUntil = 0.0
    var signal = 0

    func worth(_ now: Double) -> Double {
        if blockedUntil > now { return 1_000 }
        return score + unknownScore + failures * 0.01 - (now - last) / 600
    }

    /// The walk begins anew after an hour of silence.
    mutating func rest(_ now: Double) {
        if now - last > 3_600 {
            let (until, signal) = (blockedUntil, signal)
            self = SourceState()
            (blockedUntil, self.signal) = (until, signal)
        }
        last = now
    }
}

/// What was tried on one account by people whom it does not know.
struct AccountState: KeyState {
    var last = 0.0
    var since = 0.0
    var daySince = 0.0
    var guesses = GuessSet()
    var dayGuesses = SmallCount()
    /// Attempts whose password nobody compared.
    var untold = 0
    var sources = SmallCount()
    var protectedUntil = 0.0
    var signal = 0

    func worth(_ now: Double) -> Double {
        if protectedUntil > now { return 1_000 }
        return Double(guesses.value + untold) - (now - last) / 600
    }

    mutating func rest(_ now: Double) {
        if now - daySince > 86_400 {
            dayGuesses = SmallCount()
            daySince = now
        }
        if now - since > 7_200 {
            guesses = GuessSet()
            sources = SmallCount()
            untold = 0
            since = now
        }
        last = now
    }
}

/// On how many accounts a failed password was tried. Never more of it than a number under a key that lives an hour.
struct PasswordState: KeyState {
    var last = 0.0
    var since = 0.0
    var accounts = SmallCount()
    var blockedUntil = 0.0
    var signal = 0

    func worth(_ now: Double) -> Double {
        if blockedUntil > now { return 1_000 }
        return Double(accounts.value) - (now - last) / 600
    }

    mutating func rest(_ now: Double) {
        if now - since > 3_600 {
            accounts = SmallCount()
            since = now
        }
        last = now
    }
}

// MARK: State

extension KeyTable where State: StoredState {
    func save(to body: inout StateWriter) {
        body.put(count: keys.reduce(0) { $1 == 0 ? $0 : $0 + 1 })
        for place in keys.indices where keys[place] != 0 {
            body.put(UInt32(place))
            body.put(keys[place])
            states[place].save(to: &body)
        }
    }

    mutating func load(_ body: inout StateReader) throws(StateProblem) {
        for _ in 0..<(try body.count(keys.count, width: 12)) {
            let at = Int(try body.number(UInt32.self))
            let key = try body.number(UInt64.self)
            if at >= keys.count || key == 0 || place(key) != at & ~3 { throw .damaged }
            keys[at] = key
            try states[at].load(&body)
        }
    }
}

extension SourceState: StoredState {
    func save(to body: inout StateWriter) {
        for value in [last, onset, score, unknownScore, failures, blockedUntil] { body.put(value) }
        body.put(failing.bits)
        body.put(succeeding.bits)
        body.put(Int64(signal))
    }

    mutating func load(_ body: inout StateReader) throws(StateProblem) {
        last = try body.real()
        onset = try body.real()
        score = min(60, max(0, try body.real()))
        unknownScore = min(60, max(0, try body.real()))
        failures = max(0, try body.real())
        blockedUntil = try body.real()
        failing.bits = try body.number(UInt64.self)
        succeeding.bits = try body.number(UInt64.self)
        signal = Int(clamping: try body.number(Int64.self))
    }
}

extension AccountState: StoredState {
    func save(to body: inout StateWriter) {
        for value in [last, since, daySince, protectedUntil] { body.put(value) }
        body.put(sources.bits)
        // How many guesses there were, and nothing of what was guessed.
        body.put(count: max(untold, guesses.value))
        body.put(Int64(signal))
    }

    mutating func load(_ body: inout StateReader) throws(StateProblem) {
        last = try body.real()
        since = try body.real()
        daySince = try body.real()
        protectedUntil = try body.real()
        sources.bits = try body.number(UInt64.self)
        untold = Int(try body.number(UInt32.self))
        signal = Int(clamping: try body.number(Int64.self))
    }
}
