// SPDX-License-Identifier: Apache-2.0
import Wire

/// What an answer teaches: who is at home where, which sources and accounts fail, and whether it adds up to an attack.
extension Detector {
    /// Takes the outcome of an attempt that reached the service. The answer may say that a success must not reach the client, unless it is
    /// there already.
    public func settle(
        _ attempt: Attempt, _ decision: Decision, succeeded: Bool, isDelivered: Bool = false
    ) -> Decision {
        abandon(attempt, decision)
        if !settings.isEnabled { return decision }
        if attempt.isReconnoitring {
            settleRecon(attempt, succeeded: succeeded)
            return decision
        }
        let known = isFamiliar(attempt)
        if known {
            settleFamiliar(attempt, succeeded)
            return decision
        }
        if !succeeded { return settleFailure(attempt, decision) }
        return settleNewcomer(attempt, decision, canWithhold: !isDelivered && !isOnlyNoted(attempt))
    }

    private func settleFamiliar(_ attempt: Attempt, _ succeeded: Bool) {
        odds.familiar(failed: !succeeded)
        if attempt.profile >= 0 { profiles.countFamiliar(attempt.profile, now) }
        if !succeeded {
            for index in excesses.indices { excesses[index].failed(familiar: true) }
            return
        }
        for index in excesses.indices { excesses[index].familiarSuccess() }
        // A new browser or a new release comes with people whom we know; an attacker's program does not.
        for index in pools.indices where isNovel(attempt.profile, pools[index]) { pools[index].succeeded(odds) }
        newcomerShare -= newcomerShare / 4_000
        if attempt.profile >= 0 {
            keepGood(attempt.profile)
            profiles.countAccount(attempt.profile, attempt.account)
        }
        calm(attempt)
        learn(attempt)
    }

    private func keepGood(_ profile: Int32) {
        profiles.countGood(profile, by: 1)
        if good.count < Detector.successRing {
            good.append(profile)
            return
        }
        profiles.countGood(good[goodPlace], by: -1)
        good[goodPlace] = profile
        goodPlace = (goodPlace + 1) % good.count
    }

    /// A success speaks for the place that it came from.
    private func calm(_ attempt: Attempt) {
        if let place = addresses.find(addressKey(attempt.client)) {
            Detector.calm(&addresses.states[place], attempt.account, odds, now)
        }
        if let place = networks.find(networkKey(attempt.client)) {
            Detector.calm(&networks.states[place], attempt.account, odds, now)
        }
    }

    private static func calm(_ source: inout SourceState, _ account: UInt64, _ odds: Odds, _ now: Double) {
        source.rest(now)
        source.succeeding.insert(account)
        source.score = max(0, source.score - odds.down)
        source.unknownScore = max(0, source.unknownScore - odds.unknownDown)
    }

    func learn(_ attempt: Attempt) {
        if attempt.account == 0 { return }
        familiarity.insert(pair(attempt.account, network: attempt.client))
        familiarity.insert(programPair(attempt))
        if attempt.device != 0 { familiarity.insert(hash.of(attempt.account, attempt.device)) }
    }

    // MARK: Newcomers

    private func settleNewcomer(_ attempt: Attempt, _ decision: Decision, canWithhold: Bool) -> Decision {
        if let suspicion = suspicion(attempt) {
            note(attempt, suspicion.signal)
            if canWithhold {
                signals[suspicion.signal - 1].withheld += 1
                return suspicion
            }
            compromise(attempt.account, suspicion.signal)
            return suspicion.noted
        }
        // It would have been stopped; nobody learns from it who is honest.
        if decision.isNoted && decision.reason != .unexplainedAttack {
            if isOpen(decision.signal) { compromise(attempt.account, decision.signal) }
            return decision
        }
        newcomerShare += (1 - newcomerShare) / 4_000
        for index in excesses.indices { excesses[index].newcomer() }
        for index in pools.indices where isNovel(attempt.profile, pools[index]) { pools[index].succeeded(odds) }
        odds.unfamiliar(unknown: false)
        calm(attempt)
        if attempt.profile >= 0 { keepNewcomer(attempt) }
        // Whoever had to prove himself and did is at home from now on; who was only let in during an attack is not.
        if decision.reason == .none { learn(attempt) }
        return decision
    }

    private func keepNewcomer(_ attempt: Attempt) {
        profiles.countStrange(attempt.profile, by: 1)
        let record = Newcomer(
            time: now, number: attempt.number, account: attempt.account, client: attempt.client,
            profile: attempt.profile)
        if newcomers.count < Detector.successRing {
            newcomers.append(record)
            return
        }
        profiles.countStrange(newcomers[newcomerPlace].profile, by: -1)
        newcomers[newcomerPlace] = record
        newcomerPlace = (newcomerPlace + 1) % newcomers.count
    }

    /// A success that ends a series of wrong guesses by strangers, or comes from a source that fails on one account after the other.
    private func suspicion(_ attempt: Attempt) -> Decision? {
        if let place = accounts.find(attempt.account) {
            let state = accounts.states[place]
            let guesses = max(state.guesses.value, state.untold)
            if now - state.last < 7_200 && guesses >= 8 {
                let signal = isOpen(state.signal) ? state.signal : open(.bruteforce, .medium, onset: state.since)
                accounts.states[place].signal = signal
                return Decision(action: .withhold, reason: .successAfterGuesses, signal: signal)
            }
        }
        if let place = addresses.find(addressKey(attempt.client)) {
            let state = addresses.states[place]
            if now - state.last < 3_600 && state.score >= 7 && state.failing.value >= 4 && state.succeeding.value < 3 {
                let signal =
                    isOpen(state.signal) ? state.signal : open(.credentialStuffing, .medium, onset: state.onset)
                addresses.states[place].signal = signal
                return Decision(action: .withhold, reason: .successInAttack, signal: signal)
            }
        }
        return nil
    }

    // MARK: Failures

    private func settleFailure(_ attempt: Attempt, _ decision: Decision) -> Decision {
        let unknown = attempt.exists == false
        odds.unfamiliar(unknown: unknown)
        let isNew = attempt.account == 0 || failedAccounts.insert(attempt.account, now)
        guess(attempt)
        if settings.comparesPasswords && attempt.password != 0 { spray(attempt) }
        walk(attempt, unknown)
        if isNew {
            for index in excesses.indices { excesses[index].failed(familiar: false) }
            for index in pools.indices where isNovel(attempt.profile, pools[index]) {
                pools[index].failed(odds, unknown: unknown, now)
            }
            keepFailure(attempt, unknown)
        }
        if decision.reason == .unexplainedAttack { note(attempt, decision.signal) }
        if !plansSearches { search() }
        return decision
    }

    private func keepFailure(_ attempt: Attempt, _ unknown: Bool) {
        let record = FailureRecord(
            time: now, number: attempt.number, account: attempt.account, client: attempt.client,
            password: attempt.password,
            profile: attempt.profile, isUnknown: unknown)
        if attempt.profile >= 0 { profiles.countFailed(attempt.profile, by: 1) }
        if failures.count < Detector.failureRing {
            failures.append(record)
            return
        }
        let old = failures[failurePlace].profile
        if old >= 0 { profiles.countFailed(old, by: -1) }
        failures[failurePlace] = record
        failurePlace = (failurePlace + 1) % failures.count
    }

    /// Its headers are rarer among those who came in than the pool's share. Without enough of them nothing is rare.
    func isNovel(_ profile: Int32, _ pool: NoveltyPool) -> Bool {
        let total = newcomers.count + good.count
        if total < 500 || profile < 0 { return false }
        return Double(profiles.rarity(profile)) <= pool.share * Double(total)
    }

    /// Wrong passwords for one account by people whom it does not know.
    private func guess(_ attempt: Attempt) {
        guard attempt.account != 0, let place = accounts.enter(attempt.account, now) else { return }
        let pause = now - accounts.states[place].last
        accounts.states[place].rest(now)
        if attempt.password != 0 {
            let salted = hash.of(attempt.password, attempt.account)
            accounts.states[place].guesses.insert(salted)
            accounts.states[place].dayGuesses.insert(salted)
        } else if pause < 60 || accounts.states[place].sources.value >= 3 {
            // A program with an old password asks every few minutes from one place: without the password that is all that tells it from a guesser.
            accounts.states[place].untold += 1
        }
        accounts.states[place].sources.insert(addressKey(attempt.client))
        let state = accounts.states[place]
        if isInForce(state.protectedUntil) { return }
        // The first guess brought the account in and is not counted.
        let guesses = max(state.guesses.value, state.untold) + 1
        if guesses < settings.guessesPerAccount && state.dayGuesses.value + 1 < settings.guessesPerDay { return }
        let signal =
            isOpen(state.signal) ? state.signal : open(.bruteforce, .low, onset: state.since)
        accounts.states[place].signal = signal
        accounts.states[place].protectedUntil = now + settings.blockSeconds
        if attempt.password != 0 { signals[signal - 1].tellsGuesses = true }
        gather(signal) { $0.account == attempt.account }
        note(attempt, signal)
        if signals[signal - 1].traits.isEmpty {
            signals[signal - 1].traits = [
                Signal.Trait(words: ["account under guesses"], share: 1, lift: 0, collateral: 0)
            ]
        }
        blockGuessers(attempt, signal)
    }

    /// An address from which one account after the other is guessed, and nobody logs in.
    private func blockGuessers(_ attempt: Attempt, _ signal: Int) {
        guard let place = addresses.find(addressKey(attempt.client)) else { return }
        let source = addresses.states[place]
        if source.succeeding.bits != 0 || source.failures < Double(settings.guessesPerAccount) { return }
        block(&addresses.states[place], signal)
    }

    /// The walk of a source: up for each new account that fails, down for each that comes in.
    private func walk(_ attempt: Attempt, _ unknown: Bool) {
        if let place = addresses.enter(addressKey(attempt.client), now) {
            step(&addresses.states[place], attempt, unknown)
            judge(&addresses.states[place], attempt, limit: 14, isNetwork: false)
        }
        if let place = networks.enter(networkKey(attempt.client), now) {
            step(&networks.states[place], attempt, unknown)
            judge(&networks.states[place], attempt, limit: 18, isNetwork: true)
        }
    }

    private func step(_ source: inout SourceState, _ attempt: Attempt, _ unknown: Bool) {
        source.rest(now)
        source.failures += 1
        if attempt.account == 0 || source.failing.contains(attempt.account) && source.failing.value < 40 { return }
        source.failing.insert(attempt.account)
        if source.score == 0 && source.unknownScore == 0 { source.onset = now }
        source.score = min(source.score + odds.up, 60)
        source.unknownScore =
            unknown ? min(source.unknownScore + odds.unknownUp, 60) : max(0, source.unknownScore - odds.unknownDown)
    }

    private func judge(_ source: inout SourceState, _ attempt: Attempt, limit: Double, isNetwork: Bool) {
        if isInForce(source.blockedUntil) || source.failing.value < 6 { return }
        let isEnumeration = source.unknownScore >= limit
        if source.score < limit && !isEnumeration { return }
        // A proxy on this machine whom nobody trusts yet stands for everybody.
        if attempt.client.isLoopback { return }
        // Behind a shared address there are many who did nothing.
        if source.succeeding.value > Detector.sharedAccounts { return }
        let signal = open(isEnumeration ? .userEnumeration : .credentialStuffing, .medium, onset: source.onset)
        let bits = isNetwork ? (attempt.client.isIPv4 ? 120 : 48) : (attempt.client.isIPv4 ? 128 : 64)
        let home = attempt.client.masked(to: bits)
        gather(signal) { $0.client.masked(to: bits) == home && $0.time >= source.onset - 1 }
        note(attempt, signal)
        block(&source, signal)
        for newcomer in newcomersSince(source.onset)
        where newcomer.client.masked(to: bits) == home && source.succeeding.value < 4 {
            compromise(newcomer.account, signal)
        }
    }

    private func block(_ source: inout SourceState, _ signal: Int) {
        source.blockedUntil = now + settings.blockSeconds
        source.signal = signal
    }

    /// One password for many accounts.
    private func spray(_ attempt: Attempt) {
        guard let place = passwords.enter(attempt.password, now) else { return }
        passwords.states[place].rest(now)
        passwords.states[place].accounts.insert(attempt.account)
        let state = passwords.states[place]
        if isInForce(state.blockedUntil) || state.accounts.value < 18 { return }
        // A popular password fails all day long: what counts is a rise within minutes.
        let minutes = max(1, (now - state.since) / 60)
        if Double(state.accounts.value) / minutes < 0.5 { return }
        let signal = open(.passwordSpraying, .medium, onset: state.since)
        passwords.states[place].signal = signal
        passwords.states[place].blockedUntil = now + settings.blockSeconds
        gather(signal) { $0.password == attempt.password }
        note(attempt, signal)
    }
}
