// SPDX-License-Identifier: Apache-2.0
package import Logins
import Transport
import Wire

/// The detection as all loops share it: an attempt is charged when it arrives and settled by its outcome, under one short lock (2 µs; logins
/// alone come here). Searches run on the detection queue, outside the lock. Any thread.
package final class AttemptLedger: Sendable {
    private struct State {
        let detector: Detector
        var names = AccountNames()
        var number: UInt64 = 0
    }

    private let state: Guarded<State>
    package let hash: KeyedHash
    /// The marks that the gate gives to devices.
    let devices: DeviceTokens

    /// Attempts are numbered from the time of the start on, so that no number comes twice.
    package init(settings: DetectionSettings, seed: UInt64, devices: DeviceTokens, unixSeconds: Int64) {
        self.devices = devices
        hash = KeyedHash(seed: seed)
        let detector = Detector(settings: settings, seed: seed)
        detector.plansSearches = true
        state = Guarded(State(detector: detector, number: UInt64(max(0, unixSeconds)) * 1_000_000))
    }

    /// With what an earlier run knew (`snapshot`).
    package init(
        restoring bytes: [UInt8], settings: DetectionSettings, seed: UInt64, devices: DeviceTokens, unixSeconds: Int64
    ) throws(StateProblem) {
        self.devices = devices
        hash = KeyedHash(seed: seed)
        let detector = try Detector.restored(from: bytes, settings: settings, seed: seed)
        detector.plansSearches = true
        state = Guarded(State(detector: detector, number: UInt64(max(0, unixSeconds)) * 1_000_000))
    }

    /// What must survive a restart. Some ten milliseconds for a large service, during which logins wait.
    package func snapshot() -> [UInt8] { state.withLock { $0.detector.snapshot() } }

    /// A reload; what was learnt stays.
    package func adopt(_ settings: DetectionSettings) { state.withLock { $0.detector.settings = settings } }

    // MARK: The loops' side

    /// Charges the attempt and says what is to be done with it. Fills its number and profile.
    func arrive(_ attempt: inout Attempt, _ list: HeaderList, tls: TLSPrint?, name: [UInt8]) -> Decision {
        let start = attempt
        let print = tls?.ja4 ?? []
        let (filled, decision) = state.withLock { state -> (Attempt, Decision) in
            var filled = start
            state.number += 1
            filled.number = state.number
            filled.profile = state.detector.profile(of: list, tls: print.span, now: filled.time)
            if state.names.isFull { state.names.turn(keeping: state.detector.accountsUnderAttack) }
            state.names.insert(name, for: filled.account)
            return (filled, state.detector.arrive(filled))
        }
        attempt = filled
        return decision
    }

    func settle(_ attempt: Attempt, _ decision: Decision, succeeded: Bool, isDelivered: Bool) -> Decision {
        state.withLock { $0.detector.settle(attempt, decision, succeeded: succeeded, isDelivered: isDelivered) }
    }

    func abandon(_ attempt: Attempt, _ decision: Decision) {
        state.withLock { $0.detector.abandon(attempt, decision) }
    }

    // MARK: The detection queue's side

    /// Runs the searches that are due. Called every 20 ms from one thread.
    package func search() {
        while let plan = state.withLock({ $0.detector.nextPlan() }) {
            let finding = plan.search()
            state.withLock { $0.detector.apply(plan, finding) }
        }
    }

    /// Moves the clock on where nobody logs in, so that blocks and signals end in time.
    package func advance(unixSeconds: Double) { state.withLock { $0.detector.pass(to: unixSeconds) } }

    /// Signals that changed, each with the names of its accounts.
    package func takeChanges() -> [(signal: Signal, names: [UInt64: [UInt8]])] {
        state.withLock { state in
            state.detector.takeChanges().map { (state.detector.signals[$0], AttemptLedger.names(of: $0, state)) }
        }
    }

    /// The newest signals, at most `limit`, newest first.
    package func signals(limit: Int) -> [(signal: Signal, names: [UInt64: [UInt8]])] {
        state.withLock { state in
            state.detector.signals.indices.reversed().prefix(limit).map {
                (state.detector.signals[$0], AttemptLedger.names(of: $0, state))
            }
        }
    }

    /// Accounts of open signals that `ask` wants to know of, as places in a signal's two lists; at most `limit` of each list at once.
    package func people(
        limit: Int, _ ask: (SignalSummary) -> (accounts: Range<Int>, compromised: Range<Int>)
    ) -> [SignalPeople] {
        state.withLock { state in
            var found: [SignalPeople] = []
            for index in state.detector.signals.indices where state.detector.signals[index].state != .closed {
                let summary = state.detector.signals[index].summary
                let wanted = ask(summary)
                if wanted.accounts.isEmpty && wanted.compromised.isEmpty { continue }
                var people = SignalPeople(signal: summary)
                for account in state.detector.signals[index].accounts[wanted.accounts].prefix(limit) {
                    people.accounts.append((account, state.names[account] ?? []))
                }
                for account in state.detector.signals[index].compromised[wanted.compromised].prefix(limit) {
                    people.compromised.append((account, state.names[account] ?? []))
                }
                people.accountsEnd = wanted.accounts.lowerBound + people.accounts.count
                people.compromisedEnd = wanted.compromised.lowerBound + people.compromised.count
                found.append(people)
            }
            return found
        }
    }

    private static func names(of index: Int, _ state: State) -> [UInt64: [UInt8]] {
        var names: [UInt64: [UInt8]] = [:]
        let signal = state.detector.signals[index]
        for account in signal.accounts { names[account] = state.names[account] }
        for account in signal.compromised { names[account] = state.names[account] }
        return names
    }
}

/// Whom a signal is about, in part: hashes with names; a name that nobody kept is empty. A value.
package struct SignalPeople: Sendable {
    package let signal: SignalSummary
    package var accounts: [(account: UInt64, name: [UInt8])] = []
    package var compromised: [(account: UInt64, name: [UInt8])] = []
    /// One behind the place of the last in the signal's list.
    package var accountsEnd = 0
    package var compromisedEnd = 0

    init(signal: SignalSummary) { self.signal = signal }
}
