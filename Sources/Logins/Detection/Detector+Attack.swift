// SPDX-License-Identifier: Apache-2.0
import Wire

/// Attacks as a whole: signals, what their requests have in common, and the end of it.
extension Detector {
    // MARK: Signals

    /// The number of the open signal of this kind, or of a new one. Attacks of the stuffing kind that overlap in time are one.
    func open(_ type: SignalType, _ severity: Severity, onset: Double) -> Int {
        for index in signals.indices.reversed() where signals[index].state != .closed {
            if now - signals[index].updatedAt > silence || !Detector.isSame(signals[index].type, type) { continue }
            signals[index].onset = min(signals[index].onset, onset)
            signals[index].updatedAt = now
            return index + 1
        }
        return begin(type, severity, onset: onset)
    }

    private func begin(_ type: SignalType, _ severity: Severity, onset: Double) -> Int {
        signals.append(Signal(number: signals.count + 1, type: type, severity: severity, now: now, onset: onset))
        mark(signals.count)
        return signals.count
    }

    private static func isSame(_ left: SignalType, _ right: SignalType) -> Bool {
        if left == right { return true }
        let stuffing: [SignalType] = [
            .credentialStuffing, .distributedCredentialStuffing, .passwordSpraying, .slow,
        ]
        return stuffing.contains(left) && stuffing.contains(right)
    }

    func isOpen(_ number: Int) -> Bool { number > 0 && signals[number - 1].state != .closed }

    /// It must be reported, now or, when only its lists grew, within a minute.
    func mark(_ number: Int) {
        if signals[number - 1].isChanged { return }
        signals[number - 1].isChanged = true
        changes.append(number - 1)
    }

    func note(_ attempt: Attempt, _ number: Int) {
        if number == 0 { return }
        let index = number - 1
        signals[index].add(attempt.number, account: attempt.account, unknown: attempt.exists == false, now: now)
        grade(index)
        markGrown(index)
    }

    /// Its lists have grown by half since they were told, and that is a while ago.
    private func markGrown(_ index: Int) {
        if signals[index].reportedAt == -.infinity || now - signals[index].reportedAt < 60 { return }
        let listed = signals[index].accounts.count + signals[index].compromised.count
        if listed * 2 >= signals[index].reportedAccounts * 3 + 2 {
            if signals[index].state == .open { signals[index].state = .updated }
            mark(index + 1)
        }
    }

    /// Takes the failures of the last hour that belong to it as evidence.
    func gather(_ number: Int, _ belongs: (FailureRecord) -> Bool) {
        for failure in failures where now - failure.time < 7_200 && belongs(failure) {
            signals[number - 1].add(
                failure.number, account: failure.account, unknown: failure.isUnknown, now: failure.time)
        }
        grade(number - 1)
    }

    func compromise(_ account: UInt64, _ number: Int) {
        if signals[number - 1].compromise(account), signals[number - 1].compromised.count == 1 { mark(number) }
    }

    private func grade(_ index: Int) {
        let signal = signals[index]
        var severity = signal.severity
        if !signal.compromised.isEmpty {
            severity = .critical
        } else if signal.isHarmless {
            severity = .low
        } else if signal.type == .recon {
            severity = signal.attempts >= Detector.reconMedium ? max(severity, .medium) : severity
        } else if signal.type == .bruteforce {
            // One account and passwords that nobody told apart: more often a fleet with an old password than an attack.
            let isSure = signal.accounts.count > 1 || signal.attempts >= 30 && signal.tellsGuesses
            severity = isSure ? max(severity, .medium) : severity
        } else {
            severity = max(severity, .medium)
        }
        if severity == signal.severity { return }
        signals[index].severity = severity
        if signals[index].state == .open && signals[index].reportedAt > -.infinity { signals[index].state = .updated }
        mark(index + 1)
    }

    // MARK: Mining

    /// A search that is due: everything that it needs, so that it can run on another thread. One at a time.
    public struct SearchPlan: Sendable {
        enum Occasion: Sendable {
            case pool(Int)
            case excess(Int)
        }

        var miner: TraitMiner
        let occasion: Occasion
        let onset: Double
        let chosen: [FailureRecord]
        let recent: [Newcomer]
        /// Keys of the items, by number, at the time of the plan.
        fileprivate let table: ProfileTable

        /// Some milliseconds of work.
        public func search() -> Finding {
            var miner = miner
            return Finding(found: miner.mine())
        }
    }

    /// What a search found. Opaque to whoever carries it back.
    public struct Finding: Sendable {
        let found: [Conjunction]
    }

    /// Searches at once, on the thread of the caller.
    func search() { while let plan = nextPlan() { apply(plan, plan.search()) } }

    /// The next search that is due: some walk has gone far enough, and the last search is long enough ago.
    public func nextPlan() -> SearchPlan? {
        for index in pools.indices where pools[index].isRipe && now >= pools[index].searches.next {
            if let plan = plan(.pool(index), since: pools[index].onset) { return plan }
            pools[index].searches.searched(found: false, now)
        }
        for index in excesses.indices where excesses[index].isRipe && now >= excesses[index].searches.next {
            if let plan = plan(.excess(index), since: excesses[index].onset) { return plan }
            excesses[index].searches.searched(found: false, now)
        }
        for index in excesses.indices where excesses[index].isAlarm { challenge(since: excesses[index].onset) }
        return nil
    }

    /// Puts in force what a search found.
    public func apply(_ plan: SearchPlan, _ finding: Finding) {
        // An item whose number was given to another one meanwhile is none of ours.
        let found = finding.found.filter { conjunction in
            conjunction.items.allSatisfy { profiles.items[Int($0)].item.key == plan.table.items[Int($0)].item.key }
        }
        let isFound = !found.isEmpty && traits.count + found.count <= 64
        switch plan.occasion {
        case .pool(let index): pools[index].searches.searched(found: isFound, now)
        case .excess(let index): excesses[index].searches.searched(found: isFound, now)
        }
        if !isFound { return }
        for conjunction in found { accuse(conjunction, plan.chosen, plan.recent, plan.onset) }
        traitVersion += 1
        resetWalks()
    }

    private func resetWalks() {
        for index in pools.indices { pools[index].reset() }
        for index in excesses.indices { excesses[index].reset() }
        challengedUntil = 0
    }

    func newcomersSince(_ time: Double) -> [Newcomer] {
        var list: [Newcomer] = []
        var place = newcomers.count < Detector.successRing ? newcomers.count - 1 : newcomerPlace - 1
        for _ in newcomers.indices {
            if place < 0 { place = newcomers.count - 1 }
            if newcomers[place].time < time { break }
            list.append(newcomers[place])
            place -= 1
        }
        return list
    }

    private func plan(_ occasion: SearchPlan.Occasion, since onset: Double) -> SearchPlan? {
        var chosen = failures.filter { $0.time >= onset - 0.001 && $0.profile >= 0 && !isCovered($0.profile) }
        if chosen.count > Detector.foreground {
            chosen.sort { $0.time < $1.time }
            chosen.removeFirst(chosen.count - Detector.foreground)
        }
        if chosen.count < 8 { return nil }
        let recent = newcomersSince(onset)
        var fresh: [Int32: Int] = [:]
        for newcomer in recent { fresh[newcomer.profile, default: 0] += 1 }
        let expected = excesses[0].failuresPerNewcomer * Double(recent.count)
        let miner = TraitMiner(
            profiles, failures: chosen, fresh: fresh, collateralLimit: settings.collateralLimit,
            newcomerShare: newcomerShare, expected: expected, now: now)
        return SearchPlan(
            miner: miner, occasion: occasion, onset: onset, chosen: chosen, recent: recent, table: profiles)
    }

    /// Puts a trait in force, under the signal of the script that it belongs to, and tells whom that script has taken already.
    private func accuse(
        _ conjunction: Conjunction, _ chosen: [FailureRecord], _ recent: [Newcomer], _ onset: Double
    ) {
        let matching = chosen.filter { profiles.contains($0.profile, conjunction.items) && !isCovered($0.profile) }
        if matching.isEmpty { return }
        let sources = Set(matching.map { networkKey($0.client) })
        let keys = Set(conjunction.items.map { profiles.items[Int($0)].item.key })
        let first = matching.reduce(Double.infinity) { min($0, $1.time) }
        let type = kind(of: matching)
        let signal = known(type, sources, keys) ?? begin(type, .medium, onset: max(onset, first))
        for failure in matching {
            signals[signal - 1].add(
                failure.number, account: failure.account, unknown: failure.isUnknown, now: failure.time)
        }
        signals[signal - 1].items.formUnion(keys)
        if signals[signal - 1].networks.count < Signal.networkLimit { signals[signal - 1].networks.formUnion(sources) }
        activate(conjunction, signal, matching)
        for newcomer in recent where newcomer.time >= first && profiles.contains(newcomer.profile, conjunction.items) {
            compromise(newcomer.account, signal)
        }
        grade(signal - 1)
        mark(signal)
    }

    /// The open signal with which a script shares an item, or a good part of its networks.
    private func known(_ type: SignalType, _ sources: Set<UInt64>, _ keys: Set<UInt64>) -> Int? {
        for index in signals.indices.reversed() where signals[index].state != .closed {
            let signal = signals[index]
            if now - signal.updatedAt > silence || !Detector.isSame(signal.type, type) { continue }
            // What was opened without knowing the script turns out to be this one.
            if signal.items.isEmpty { return index + 1 }
            let shared = signal.networks.intersection(sources).count
            if !signal.items.isDisjoint(with: keys) || shared * 4 >= sources.count { return index + 1 }
        }
        return nil
    }

    private func isCovered(_ profile: Int32) -> Bool { traits.contains { profiles.contains(profile, $0.items) } }

    private func activate(_ conjunction: Conjunction, _ signal: Int, _ matching: [FailureRecord]) {
        profiles.pin(conjunction.items)
        traits.append(ActiveTrait(items: conjunction.items, signal: signal, until: now + settings.blockSeconds))
        let example = matching.first { profiles.contains($0.profile, conjunction.items) }
        signals[signal - 1].traits.append(
            Signal.Trait(
                words: profiles.words(of: conjunction.items, in: example?.profile ?? -1), share: conjunction.share,
                lift: conjunction.lift, collateral: conjunction.collateral))
        if signals[signal - 1].reportedAt > -.infinity { signals[signal - 1].state = .updated }
    }

    /// What an attack is called by what its attempts share.
    private func kind(of failures: [FailureRecord]) -> SignalType {
        var addresses: Set<UInt64> = []
        var passwords: [UInt64: Int] = [:]
        var unknown = 0
        for failure in failures {
            addresses.insert(networkKey(failure.client))
            if failure.password != 0 { passwords[failure.password, default: 0] += 1 }
            if failure.isUnknown { unknown += 1 }
        }
        if unknown * 5 >= failures.count * 4 { return .userEnumeration }
        if let top = passwords.values.max(), top * 2 >= failures.count { return .passwordSpraying }
        if isSlow(failures) { return .slow }
        return addresses.count * 4 <= failures.count ? .credentialStuffing : .distributedCredentialStuffing
    }

    /// Fewer than one in ten seconds over at least two minutes: meant to stay below every limit.
    private func isSlow(_ failures: [FailureRecord]) -> Bool {
        let first = failures.reduce(Double.infinity) { min($0, $1.time) }
        let last = failures.reduce(first) { max($0, $1.time) }
        return last - first >= 120 && last - first > Double(failures.count - 1) * 10
    }

    /// Something goes on that nothing isolates: newcomers have to prove who they are.
    private func challenge(since onset: Double) {
        let signal = open(.distributedCredentialStuffing, .high, onset: onset)
        if challengedUntil <= now {
            gather(signal) { $0.time >= onset && !isCovered($0.profile) }
            signals[signal - 1].severity = max(signals[signal - 1].severity, .high)
            signals[signal - 1].restraint = "no trait that isolates the attacker is safe to refuse"
            mark(signal)
        }
        challengeSignal = signal
        challengedUntil = now + 120
    }

    // MARK: The end

    /// A signal ends after so many seconds without an attempt: half an hour, and not while a block of it is in force.
    private var silence: Double { max(1_800, settings.blockSeconds + 60) }

    /// Lets go of traits that nobody carries any more, and closes signals that have been silent for long enough.
    func expire() {
        var isChanged = false
        for index in traits.indices.reversed() where traits[index].until <= now {
            profiles.unpin(traits[index].items)
            traits.remove(at: index)
            isChanged = true
        }
        if isChanged { traitVersion += 1 }
        for index in signals.indices.reversed() {
            let age = now - signals[index].updatedAt
            if signals[index].state == .closed {
                // Older ones closed before it, but for a few.
                if age > 2 * 86_400 { break }
                if age > 86_400 { signals[index].forgetLists() }
                continue
            }
            if age > silence {
                signals[index].state = .closed
                signals[index].forgetSets()
                mark(index + 1)
            }
        }
    }

    /// Closes what is still open, at the end of a replay.
    public func finish() {
        for index in signals.indices where signals[index].state != .closed {
            signals[index].state = .closed
            mark(index + 1)
        }
    }
}
