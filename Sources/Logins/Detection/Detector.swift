// SPDX-License-Identifier: Apache-2.0
public import Wire

/// Finds attacks on accounts in a stream of login attempts and says which attempts belong to one.
///
///     let profile = detector.profile(of: headers, tls: ja4, now: time)   // once for each attempt
///     let decision = detector.arrive(attempt)                            // before the service is asked
///     let verdict = detector.settle(attempt, decision, succeeded: true)  // when it has answered; not for stopped ones
///     detector.abandon(attempt, decision)                                // instead, when no answer came
///     for number in detector.takeChanges() { report(detector.signals[number]) }
///
/// Time is part of every attempt, memory is bounded, and equal streams give equal answers. Confined to one thread.
///
/// Known users are never stopped: a pair of account and network, or account and device, that has logged in before is *familiar*, and everything
/// here judges only what is not. The unit of evidence is the script behind the requests (`TraitMiner`), not the address.
public final class Detector {
    /// Newcomers and familiar users who came in that are remembered, and failures of newcomers.
    static let successRing = 65_536
    static let failureRing = 4_096
    /// Failures that one search looks at.
    static let foreground = 3_000

    /// A success of somebody whom the account did not know.
    struct Newcomer: Sendable {
        var time: Double
        var number: UInt64
        var account: UInt64
        var client: IPAddress
        var profile: Int32
    }

    /// Items that are refused, and for how long.
    struct ActiveTrait {
        var items: [Int32]
        var signal: Int
        var until: Double
    }

    /// Changes with a reload; what was learnt stays.
    public var settings: DetectionSettings
    /// Searches are left to `nextPlan` and `apply`, so that they can run elsewhere.
    public var plansSearches = false
    public let hash: KeyedHash
    public internal(set) var signals: [Signal] = []
    var changes: [Int] = []

    var profiles: ProfileTable
    var familiarity = Familiarity()
    var odds = Odds()
    var addresses = KeyTable<SourceState>(entries: 1 << 17)
    var networks = KeyTable<SourceState>(entries: 1 << 15)
    var accounts = KeyTable<AccountState>(entries: 1 << 17)
    /// Who asks about accounts without logging in. Not kept over a restart.
    var recon = KeyTable<SourceState>(entries: 1 << 14)
    var passwords = KeyTable<PasswordState>(entries: 1 << 14)
    var pools = [
        NoveltyPool(share: 3e-5, limit: 14), NoveltyPool(share: 1e-3, limit: 16), NoveltyPool(share: 2e-2, limit: 20),
    ]
    var excesses = [
        GlobalExcess(seconds: 10, slack: 1.6, mineAt: 25, alarmAt: 60),
        GlobalExcess(seconds: 600, slack: 1.5, mineAt: 40, alarmAt: 150),
    ]
    /// Attempts of strangers that are under way, by account: exact limits hold however many arrive at once.
    var pending: [UInt64: Int] = [:]
    /// Accounts that failed within the hour, each counted once.
    var failedAccounts = RecentSet(span: 3_600)
    var newcomers: [Newcomer] = []
    var newcomerPlace = 0
    var good: [Int32] = []
    var goodPlace = 0
    var failures: [FailureRecord] = []
    var failurePlace = 0
    /// Newcomers among those who come in.
    var newcomerShare = 0.1
    var traits: [ActiveTrait] = []
    /// Counts up when the set of active traits changes.
    var traitVersion = 0
    var challengedUntil = 0.0
    var challengeSignal = 0
    var now = 0.0
    /// From so many accounts that came in within an hour a place is shared by strangers.
    static let sharedAccounts = 50

    public init(settings: DetectionSettings, seed: UInt64) {
        self.settings = settings
        hash = KeyedHash(seed: seed)
        profiles = ProfileTable(hash: hash)
    }

    // MARK: What callers hand in

    /// The number of a header list, for `Attempt.profile`. `tls` is the client's JA4 text, empty when it is not known.
    public func profile(of list: borrowing HeaderList, tls: Span<UInt8>, now: Double) -> Int32 {
        profiles.intern(list, tls: tls, now: now)
    }

    /// A login that is known from before: it fills the memory of who is at home where.
    public func remember(account: UInt64, client: IPAddress, device: UInt64, time: Double) {
        familiarity.turn(time)
        familiarity.insert(pair(account, network: client))
        if device != 0 { familiarity.insert(hash.of(account, device)) }
    }

    /// Signals that changed since the last call, in the order of their numbers.
    public func takeChanges() -> [Int] {
        var due: [Int] = []
        for number in changes {
            signals[number].isChanged = false
            signals[number].reportedAt = now
            signals[number].reportedAccounts = signals[number].accounts.count + signals[number].compromised.count
            due.append(number)
        }
        changes.removeAll(keepingCapacity: true)
        return due
    }

    /// Accounts that open signals are about, those that were taken first.
    public var accountsUnderAttack: [UInt64] {
        let open = signals.filter { $0.state != .closed }
        return open.flatMap(\.compromised) + open.flatMap(\.accounts)
    }

    // MARK: Arrival

    /// What is to be done with an attempt before the service sees it.
    public func arrive(_ attempt: Attempt) -> Decision {
        advance(attempt.time)
        if !settings.isEnabled { return .allow }
        if attempt.isReconnoitring { return stop(attempt, matchRecon(attempt)) }
        // A trait belongs to the attacker's program: where many share a network, being at home there does not excuse it.
        let mask = matchingTraits(attempt)
        let isKnown = mask != 0 ? isAtHome(attempt) : isFamiliar(attempt)
        if isKnown { return .allow }
        let decision = match(attempt, mask)
        return stop(attempt, decision.isForwarded ? reserve(attempt, decision) : decision)
    }

    /// Whether nothing may be done about an attempt.
    func isOnlyNoted(_ attempt: Attempt) -> Bool { settings.response == .monitor || attempt.isOnlyNoted }

    /// Notes what an attempt belongs to; where nothing may be done about it, it goes on all the same.
    private func stop(_ attempt: Attempt, _ decision: Decision) -> Decision {
        if decision.action == .allow { return decision }
        if decision.action == .block { note(attempt, decision.signal) }
        if isOnlyNoted(attempt) { return decision.noted }
        if decision.action == .block && decision.signal > 0 { signals[decision.signal - 1].stopped += 1 }
        return decision
    }

    private func match(_ attempt: Attempt, _ mask: UInt64) -> Decision {
        if mask != 0 {
            let index = mask.trailingZeroBitCount
            traits[index].until = now + settings.blockSeconds
            return Decision(action: .block, reason: .trait, signal: traits[index].signal)
        }
        if let place = addresses.find(addressKey(attempt.client)), isInForce(addresses.states[place].blockedUntil) {
            addresses.states[place].blockedUntil = now + settings.blockSeconds
            return Decision(action: .block, reason: .address, signal: addresses.states[place].signal)
        }
        if let place = networks.find(networkKey(attempt.client)), isInForce(networks.states[place].blockedUntil) {
            networks.states[place].blockedUntil = now + settings.blockSeconds
            return Decision(action: .block, reason: .network, signal: networks.states[place].signal)
        }
        if let place = accounts.find(attempt.account), isInForce(accounts.states[place].protectedUntil) {
            accounts.states[place].protectedUntil = now + settings.blockSeconds
            return Decision(action: .block, reason: .account, signal: accounts.states[place].signal)
        }
        if attempt.password != 0, let place = passwords.find(attempt.password),
            isInForce(passwords.states[place].blockedUntil)
        {
            passwords.states[place].blockedUntil = now + settings.blockSeconds
            return Decision(action: .block, reason: .password, signal: passwords.states[place].signal)
        }
        if challengedUntil > now && settings.challenges {
            return Decision(action: .challenge, reason: .unexplainedAttack, signal: challengeSignal)
        }
        return .allow
    }

    /// Charges an attempt that goes on before its outcome is known: what is under way counts as if it had failed.
    private func reserve(_ attempt: Attempt, _ decision: Decision) -> Decision {
        if attempt.account == 0 { return decision }
        let waiting = pending[attempt.account] ?? 0
        if waiting > 0 {
            var guesses = 0
            if let place = accounts.find(attempt.account), now - accounts.states[place].last < 7_200 {
                guesses = max(accounts.states[place].guesses.value, accounts.states[place].untold) + 1
            }
            if guesses + waiting >= settings.guessesPerAccount {
                return Decision(action: .limit, reason: .parallelGuesses, signal: 0)
            }
        }
        pending[attempt.account] = waiting + 1
        var decision = decision
        decision.isCharged = true
        return decision
    }

    /// The attempt ended without an outcome: nobody answered, or the answer said nothing. What `arrive` charged is given back.
    public func abandon(_ attempt: Attempt, _ decision: Decision) {
        guard decision.isCharged, let waiting = pending[attempt.account] else { return }
        pending[attempt.account] = waiting > 1 ? waiting - 1 : nil
    }

    /// One bit for each active trait that the attempt carries.
    private func matchingTraits(_ attempt: Attempt) -> UInt64 {
        if traits.isEmpty || attempt.profile < 0 { return 0 }
        let place = Int(attempt.profile)
        if profiles.profiles[place].traitVersion != traitVersion {
            var mask: UInt64 = 0
            for index in traits.indices where profiles.contains(attempt.profile, traits[index].items) {
                mask |= 1 << UInt64(index)
            }
            profiles.setTraits(attempt.profile, mask, version: traitVersion)
        }
        return profiles.profiles[place].traits
    }

    /// Somebody whom the account knows: the same network, or the same device.
    func isFamiliar(_ attempt: Attempt) -> Bool {
        if attempt.account == 0 { return false }
        if attempt.device != 0 && familiarity.contains(hash.of(attempt.account, attempt.device)) { return true }
        return familiarity.contains(pair(attempt.account, network: attempt.client))
    }

    /// The same, and where many share the network also with the same program: there the victim and the attacker may be neighbours.
    private func isAtHome(_ attempt: Attempt) -> Bool {
        if attempt.account == 0 { return false }
        if attempt.device != 0 && familiarity.contains(hash.of(attempt.account, attempt.device)) { return true }
        if !familiarity.contains(pair(attempt.account, network: attempt.client)) { return false }
        guard let place = networks.find(networkKey(attempt.client)),
            networks.states[place].succeeding.value + networks.states[place].failing.value > Detector.sharedAccounts / 2
        else { return true }
        return familiarity.contains(programPair(attempt))
    }

    // MARK: Keys

    func pair(_ account: UInt64, network: IPAddress) -> UInt64 {
        hash.of(account, hash.of(network, bits: network.isIPv4 ? 120 : 56))
    }

    func programPair(_ attempt: Attempt) -> UInt64 {
        let program = attempt.profile >= 0 ? profiles.profiles[Int(attempt.profile)].identity : 1
        return hash.of(pair(attempt.account, network: attempt.client), program)
    }

    func addressKey(_ address: IPAddress) -> UInt64 { hash.of(address, bits: address.isIPv4 ? 128 : 64) }

    func networkKey(_ address: IPAddress) -> UInt64 { hash.of(address, bits: address.isIPv4 ? 120 : 48) }

    // MARK: Time

    /// Time passes without an attempt. A clock that is far ahead of the attempts is not believed.
    public func pass(to time: Double) { if now > 0 && time - now < 86_400 { advance(time) } }

    /// A block that lasts longer than blocks do was set by a clock that has been put back since.
    func isInForce(_ until: Double) -> Bool { until > now && until <= now + settings.blockSeconds + 1 }

    /// Seconds that attempts of several loops may be out of order.
    private static let clockSlack = 3_600.0

    /// Takes the clock on. It never goes back: an attempt that claims to be older counts as now, one from far ahead is waited for only once.
    func advance(_ time: Double) {
        if time < now - Detector.clockSlack {
            // The clock was set back: what it said before is not waited for.
            now = time
            challengedUntil = min(challengedUntil, now + settings.blockSeconds)
            for index in traits.indices { traits[index].until = min(traits[index].until, now + settings.blockSeconds) }
            return
        }
        if time <= now { return }
        now = time
        for index in excesses.indices { excesses[index].advance(now) }
        familiarity.turn(now)
        expire()
    }
}
