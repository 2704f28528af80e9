// SPDX-License-Identifier: Apache-2.0
import Wire

/// What survives a restart: who is at home where, what honest people send, what is blocked and which attacks are open. Nothing that is derived
/// from passwords is written. Bytes in and out; where they
/// are kept is the caller's affair.
///
/// Evidence keeps its numbers: the caller's must go on after a restart.
///
/// Form: `LWDETECT`, version, a word that only the same key makes, length and hash of the rest, the rest.
extension Detector {
    public static let stateVersion: UInt32 = 3
    private static let magic = Array("LWDETECT".utf8)
    private static let headLength = 8 + 4 + 8 + 8 + 8
    /// Numbers of signals that are kept; a service that had more keeps none.
    private static let signalLimit = 1 << 20

    private static func check(_ hash: KeyedHash) -> UInt64 { hash.of(0x4c57_4445_5445_4354, UInt64(stateVersion)) }

    private static func sum(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        KeyedHash(seed: 0x6c6f_6769_6e77_6172).of(bytes.span)
    }

    /// The state as it is now, at most about 100 MiB.
    public func snapshot() -> [UInt8] {
        var body = StateWriter()
        body.put(now)
        body.put(newcomerShare)
        body.put(challengedUntil)
        body.put(Int64(challengeSignal))
        familiarity.save(to: &body)
        odds.save(to: &body)
        for pool in pools { pool.save(to: &body) }
        for excess in excesses { excess.save(to: &body) }
        addresses.save(to: &body)
        networks.save(to: &body)
        accounts.save(to: &body)
        profiles.save(to: &body)
        saveRings(to: &body)
        body.put(count: traits.count)
        for trait in traits {
            body.put(count: trait.items.count)
            for item in trait.items { body.put(item) }
            body.put(Int64(trait.signal))
            body.put(trait.until)
        }
        body.put(count: signals.count)
        for signal in signals { signal.save(to: &body) }
        return Detector.sealed(body.bytes, hash)
    }

    /// A body behind its head: for whoever wants to try bodies of his own making.
    public static func sealed(_ body: [UInt8], seed: UInt64) -> [UInt8] { sealed(body, KeyedHash(seed: seed)) }

    private static func sealed(_ body: [UInt8], _ hash: KeyedHash) -> [UInt8] {
        var out = StateWriter()
        for byte in magic { out.put(byte) }
        out.put(stateVersion)
        out.put(check(hash))
        out.put(UInt64(body.count))
        out.put(sum(body[...]))
        return out.bytes + body
    }

    /// The head of stored state, without the rest.
    private static func verify(_ bytes: [UInt8], _ hash: KeyedHash) throws(StateProblem) {
        if bytes.count < headLength || !bytes.starts(with: magic) { throw .foreign }
        var head = StateReader(bytes, from: 8)
        let version = try head.number(UInt32.self)
        if version != stateVersion { throw .version(version) }
        let mark = try head.number(UInt64.self)
        let length = try head.number(UInt64.self)
        let expected = try head.number(UInt64.self)
        if length != UInt64(bytes.count - headLength) || expected != sum(bytes[headLength...]) { throw .damaged }
        if mark != check(hash) { throw .otherKey }
    }

    /// A detector as it was when `bytes` were made. `settings` may be others than then; the seed must be the same.
    public static func restored(from bytes: [UInt8], settings: DetectionSettings, seed: UInt64) throws(StateProblem)
        -> Detector
    {
        let made = Detector(settings: settings, seed: seed)
        try verify(bytes, made.hash)
        var body = StateReader(bytes, from: headLength)
        try made.load(&body)
        if !body.isAtEnd { throw .damaged }
        return made
    }

    private func load(_ body: inout StateReader) throws(StateProblem) {
        now = try body.real()
        newcomerShare = min(1, max(0.000_1, try body.real()))
        challengedUntil = try body.real()
        let challenged = try body.number(Int64.self)
        try familiarity.load(&body)
        try odds.load(&body)
        for index in pools.indices { try pools[index].load(&body) }
        for index in excesses.indices { try excesses[index].load(&body) }
        try addresses.load(&body)
        try networks.load(&body)
        try accounts.load(&body)
        try profiles.load(&body)
        try loadRings(&body)
        for _ in 0..<(try body.count(64, width: 20)) {
            var items: [Int32] = []
            for _ in 0..<(try body.count(8, width: 4)) { items.append(try body.number(Int32.self)) }
            let signal = Int(clamping: try body.number(Int64.self))
            if items.isEmpty || !items.allSatisfy(profiles.hasItem) { throw .damaged }
            profiles.pin(items)
            traits.append(ActiveTrait(items: items, signal: signal, until: try body.real()))
        }
        profiles.release()
        traitVersion += 1
        let count = try body.count(Detector.signalLimit, width: 40)
        for number in 0..<count { signals.append(try Signal(number: number + 1, from: &body)) }
        // Numbers of signals stand everywhere: one that is not there would be a trap.
        challengeSignal = challenged >= 0 && challenged <= Int64(count) ? Int(challenged) : 0
        if challengeSignal == 0 { challengedUntil = 0 }
        for trait in traits where trait.signal < 1 || trait.signal > count { throw .damaged }
        for state in addresses.states where state.signal < 0 || state.signal > count { throw .damaged }
        for state in networks.states where state.signal < 0 || state.signal > count { throw .damaged }
        for state in accounts.states where state.signal < 0 || state.signal > count { throw .damaged }
    }

    // MARK: Rings

    private func saveRings(to body: inout StateWriter) {
        let ordered = newcomers[newcomerPlace...] + newcomers[..<newcomerPlace]
        body.put(count: ordered.count)
        for newcomer in ordered {
            body.put(newcomer.time)
            body.put(newcomer.number)
            body.put(newcomer.account)
            body.put(newcomer.client.high)
            body.put(newcomer.client.low)
            body.put(newcomer.profile)
        }
        body.put(count: good.count)
        for profile in good[goodPlace...] + good[..<goodPlace] { body.put(profile) }
        body.put(count: failures.count)
        for failure in failures[failurePlace...] + failures[..<failurePlace] {
            body.put(failure.time)
            body.put(failure.number)
            body.put(failure.account)
            body.put(failure.client.high)
            body.put(failure.client.low)
            body.put(failure.profile)
            body.put(failure.isUnknown ? 1 as UInt8 : 0)
        }
    }

    private func loadRings(_ body: inout StateReader) throws(StateProblem) {
        for _ in 0..<(try body.count(Detector.successRing, width: 44)) {
            let record = Newcomer(
                time: try body.real(), number: try body.number(UInt64.self), account: try body.number(UInt64.self),
                client: IPAddress(high: try body.number(UInt64.self), low: try body.number(UInt64.self)),
                profile: try body.number(Int32.self))
            if !profiles.hasProfile(record.profile) { throw .damaged }
            profiles.countStrange(record.profile, by: 1)
            newcomers.append(record)
        }
        for _ in 0..<(try body.count(Detector.successRing, width: 4)) {
            let profile = try body.number(Int32.self)
            if !profiles.hasProfile(profile) { throw .damaged }
            profiles.countGood(profile, by: 1)
            good.append(profile)
        }
        for _ in 0..<(try body.count(Detector.failureRing, width: 45)) {
            let record = FailureRecord(
                time: try body.real(), number: try body.number(UInt64.self), account: try body.number(UInt64.self),
                client: IPAddress(high: try body.number(UInt64.self), low: try body.number(UInt64.self)), password: 0,
                profile: try body.number(Int32.self), isUnknown: try body.number(UInt8.self) == 1)
            if record.profile != -1 {
                if !profiles.hasProfile(record.profile) { throw .damaged }
                profiles.countFailed(record.profile, by: 1)
            }
            failures.append(record)
        }
    }
}
