// SPDX-License-Identifier: Apache-2.0

/// Whoever asks the reset or the sign-up page about one account after the other wants to know which there are. Nothing of it counts as a login.
extension Detector {
    /// Different accounts that one address may ask for within an hour when every answer sounds the same.
    static let reconAccounts = 30
    /// Attempts from which on it is no longer a look around.
    static let reconMedium = 100

    /// Whether the address or the network of an attempt may not ask any more.
    func matchRecon(_ attempt: Attempt) -> Decision {
        for key in reconKeys(attempt) {
            guard let place = recon.find(key), isInForce(recon.states[place].blockedUntil) else { continue }
            recon.states[place].blockedUntil = now + settings.blockSeconds
            return Decision(action: .block, reason: .reconnaissance, signal: recon.states[place].signal)
        }
        return .allow
    }

    func settleRecon(_ attempt: Attempt, succeeded: Bool) {
        let keys = reconKeys(attempt)
        // From here on the logins that succeed there are counted: an address is otherwise known by its failures alone.
        _ = addresses.enter(keys[0], now)
        _ = networks.enter(keys[1], now)
        for index in keys.indices {
            guard let place = recon.enter(keys[index], now) else { continue }
            recon.states[place].rest(now)
            if succeeded {
                recon.states[place].score = max(0, recon.states[place].score - odds.down)
                recon.states[place].succeeding.insert(attempt.account)
            } else if !recon.states[place].failing.contains(attempt.account) {
                if recon.states[place].score == 0 { recon.states[place].onset = now }
                recon.states[place].failing.insert(attempt.account)
                recon.states[place].score = min(recon.states[place].score + odds.up, 60)
            }
            judgeRecon(place, attempt, isNetwork: index == 1)
        }
    }

    private func judgeRecon(_ place: Int, _ attempt: Attempt, isNetwork: Bool) {
        let state = recon.states[place]
        if isInForce(state.blockedUntil) { return }
        // Where people log in there are people who forget: a campus in its first week.
        let homes = isNetwork ? networks.find(networkKey(attempt.client)) : addresses.find(addressKey(attempt.client))
        let people = homes.map {
            isNetwork ? networks.states[$0].succeeding.value : addresses.states[$0].succeeding.value
        }
        if (people ?? 0) * 4 > state.failing.value + state.succeeding.value { return }
        let isRefused = state.failing.value >= 8 && state.score >= (isNetwork ? 18 : 14)
        let isBroad = !isNetwork && state.failing.value + state.succeeding.value >= Detector.reconAccounts
        if !isRefused && !isBroad { return }
        let signal = open(.recon, .low, onset: state.onset == 0 ? now : state.onset)
        recon.states[place].blockedUntil = now + settings.blockSeconds
        recon.states[place].signal = signal
        note(attempt, signal)
        mark(signal)
    }

    private func reconKeys(_ attempt: Attempt) -> [UInt64] { [addressKey(attempt.client), networkKey(attempt.client)] }
}
