// SPDX-License-Identifier: Apache-2.0
package import Logins
import Transport
import Wire

/// Whose session it is: the name that was typed when it began, and the id that the service told. Immutable.
package final class SessionUser: Sendable {
    package let login: [UInt8]
    package let userID: [UInt8]

    package init(login: [UInt8], userID: [UInt8]) {
        self.login = login
        self.userID = userID
    }
}

/// What a user got at one login. A value; one record of the file.
package struct SessionGrant: Equatable, Sendable {
    package var login: [UInt8]
    package var userID: [UInt8]
    /// Keyed hashes.
    package var tokens: [UInt64]
    package var unixSeconds: Int64

    package init(login: [UInt8], userID: [UInt8], tokens: [UInt64], unixSeconds: Int64) {
        self.login = login
        self.userID = userID
        self.tokens = tokens
        self.unixSeconds = unixSeconds
    }
}

/// Which user a session's token belongs to, as all loops share it. Tokens are kept as keyed hashes. A token that two users got is nobody's, as that of
/// a load balancer is. Any thread: a lookup takes the short lock of one of 64 parts, a login one more.
///
/// Bounded twice: a user has at most `tokensPerUser`, the oldest goes; and of more than `limit` users the one who logged in least recently
/// among 16 goes. Whoever wants to push out others must log in as many users.
package final class SessionTokens: Sendable {
    package static let tokensPerUser = 16
    private static let parts = 64
    private static let sample = 16
    /// Grants that wait for the file; more are only in memory until it is written anew.
    private static let pendingLimit = 65_536

    private struct Owner {
        /// nil: several had it.
        var user: SessionUser?
        var number: Int
        var unixSeconds: Int64
    }

    private final class Part: Sendable {
        let owners = Guarded<[UInt64: Owner]>([:])
    }

    private struct Person {
        var key: UInt64
        var user: SessionUser
        /// Oldest first.
        var tokens: [UInt64]
        var unixSeconds: Int64
    }

    private struct People {
        var numbers: [UInt64: Int] = [:]
        var all: [Person] = []
        var hand = 0
        var limit: Int
        var pending: [SessionGrant] = []
        var lostPending = false
    }

    package let hash: KeyedHash
    private let people: Guarded<People>
    private let owners: [Part]

    package init(hash: KeyedHash, limit: Int) {
        self.hash = hash
        people = Guarded(People(limit: limit))
        owners = (0..<SessionTokens.parts).map { _ in Part() }
    }

    // MARK: The loops' side

    /// Whose it is; nil: nobody's that is known, or it was given out before `oldest` (Unix seconds).
    func user(of token: UInt64, since oldest: Int64) -> SessionUser? {
        part(token).owners.withLock { owners in
            guard let owner = owners[token], owner.unixSeconds >= oldest else { return nil }
            return owner.user
        }
    }

    /// A login gave these out. Keeps them for the file, too.
    package func remember(_ grant: SessionGrant) {
        if grant.tokens.isEmpty || (grant.login.isEmpty && grant.userID.isEmpty) { return }
        people.withLock { people in
            let isNew = take(grant, &people)
            if !isNew { return }
            if people.pending.count < SessionTokens.pendingLimit {
                people.pending.append(grant)
            } else {
                people.lostPending = true
            }
        }
    }

    // MARK: The file's side

    package func restore(_ grant: SessionGrant) { people.withLock { _ = take(grant, &$0) } }

    /// What was given out since the last call; `isWhole`: false when some of it is only in memory.
    package func takePending() -> (grants: [SessionGrant], isWhole: Bool) {
        people.withLock { people in
            defer {
                people.pending = []
                people.lostPending = false
            }
            return (people.pending, !people.lostPending)
        }
    }

    /// Everything that is known, one grant a user.
    package func snapshot(since oldest: Int64) -> [SessionGrant] {
        people.withLock { people in
            people.all.filter { $0.unixSeconds >= oldest }.map {
                SessionGrant(
                    login: $0.user.login, userID: $0.user.userID, tokens: $0.tokens, unixSeconds: $0.unixSeconds)
            }
        }
    }

    package func changeLimit(to limit: Int) {
        people.withLock { people in
            people.limit = limit
            while people.all.count > limit { drop(victim(&people), &people) }
        }
    }

    package var userCount: Int { people.withLock { $0.all.count } }

    // MARK: Both, with the lock of the people held

    /// False: nothing of it is new.
    private func take(_ grant: SessionGrant, _ people: inout People) -> Bool {
        let key =
            grant.login.isEmpty ? hash.of(1, hash.of(grant.userID.span)) : hash.of(0, hash.of(grant.login.span))
        let number = person(key, grant, &people)
        if !grant.userID.isEmpty && people.all[number].user.userID != grant.userID {
            people.all[number].user = SessionUser(login: grant.login, userID: grant.userID)
            own(people.all[number].tokens, people.all[number].user, number)
        }
        people.all[number].unixSeconds = max(people.all[number].unixSeconds, grant.unixSeconds)
        var isNew = false
        for token in grant.tokens where !people.all[number].tokens.contains(token) {
            isNew = true
            if people.all[number].tokens.count >= SessionTokens.tokensPerUser {
                forget(people.all[number].tokens.removeFirst(), of: number)
            }
            people.all[number].tokens.append(token)
            let owner = Owner(user: people.all[number].user, number: number, unixSeconds: grant.unixSeconds)
            part(token).owners.withLock { owners in
                if let other = owners[token] {
                    owners[token] = Owner(user: nil, number: other.number, unixSeconds: .max)
                } else {
                    owners[token] = owner
                }
            }
        }
        return isNew
    }

    /// The service told the id of a user whose tokens are known.
    private func own(_ tokens: [UInt64], _ user: SessionUser, _ number: Int) {
        for token in tokens {
            part(token).owners.withLock { owners in
                if owners[token]?.number == number && owners[token]?.user != nil { owners[token]?.user = user }
            }
        }
    }

    private func person(_ key: UInt64, _ grant: SessionGrant, _ people: inout People) -> Int {
        if let number = people.numbers[key] { return number }
        if people.all.count >= people.limit { drop(victim(&people), &people) }
        people.all.append(
            Person(
                key: key, user: SessionUser(login: grant.login, userID: grant.userID), tokens: [],
                unixSeconds: grant.unixSeconds))
        people.numbers[key] = people.all.count - 1
        return people.all.count - 1
    }

    private func victim(_ people: inout People) -> Int {
        var oldest = -1
        for _ in 0..<min(SessionTokens.sample, people.all.count) {
            people.hand = people.hand + 1 < people.all.count ? people.hand + 1 : 0
            if oldest < 0 || people.all[people.hand].unixSeconds < people.all[oldest].unixSeconds {
                oldest = people.hand
            }
        }
        return oldest
    }

    /// Takes a user out; the last one gets the number.
    private func drop(_ number: Int, _ people: inout People) {
        for token in people.all[number].tokens { forget(token, of: number) }
        people.numbers[people.all[number].key] = nil
        let last = people.all.count - 1
        if number != last {
            people.all[number] = people.all[last]
            people.numbers[people.all[number].key] = number
            for token in people.all[number].tokens {
                part(token).owners.withLock { owners in
                    if owners[token]?.number == last { owners[token]?.number = number }
                }
            }
        }
        people.all.removeLast()
    }

    private func forget(_ token: UInt64, of number: Int) {
        part(token).owners.withLock { owners in if owners[token]?.number == number { owners[token] = nil } }
    }

    private func part(_ token: UInt64) -> Part { owners[Int(token % UInt64(SessionTokens.parts))] }
}
