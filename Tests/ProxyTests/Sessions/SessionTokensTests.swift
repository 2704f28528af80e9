// SPDX-License-Identifier: Apache-2.0
import Logins
import Testing

@testable import Proxy

struct SessionTokensTests {
    private func tokens(limit: Int = 100) -> SessionTokens { SessionTokens(hash: KeyedHash(seed: 7), limit: limit) }

    private func grant(_ login: String, _ tokens: [UInt64], id: String = "", at time: Int64 = 100) -> SessionGrant {
        SessionGrant(login: Array(login.utf8), userID: Array(id.utf8), tokens: tokens, unixSeconds: time)
    }

    private func name(_ user: SessionUser?) -> String? { user.map { String(decoding: $0.login, as: UTF8.self) } }

    @Test func `a token belongs to whoever got it, for a while`() {
        let tokens = tokens()
        tokens.remember(grant("alice", [1, 2], id: "7"))
        #expect(name(tokens.user(of: 1, since: 0)) == "alice")
        #expect(tokens.user(of: 2, since: 100)?.userID == Array("7".utf8))
        #expect(tokens.user(of: 2, since: 101) == nil)
        #expect(tokens.user(of: 3, since: 0) == nil)
    }

    @Test func `a token that two users got is nobody's`() {
        let tokens = tokens()
        tokens.remember(grant("alice", [1, 2]))
        tokens.remember(grant("bob", [2, 3]))
        #expect(name(tokens.user(of: 1, since: 0)) == "alice")
        #expect(tokens.user(of: 2, since: 0) == nil)
        #expect(name(tokens.user(of: 3, since: 0)) == "bob")
    }

    @Test func `an id that is told later holds for what was given out before`() {
        let tokens = tokens()
        tokens.remember(grant("alice", [1]))
        tokens.remember(grant("alice", [1, 2], id: "7"))
        #expect(tokens.user(of: 1, since: 0)?.userID == Array("7".utf8))
        #expect(tokens.userCount == 1)
    }

    @Test func `a user has so many tokens, and the oldest goes`() {
        let tokens = tokens()
        for token in 1...20 { tokens.remember(grant("alice", [UInt64(token)])) }
        #expect((1...4).allSatisfy { tokens.user(of: UInt64($0), since: 0) == nil })
        #expect((5...20).allSatisfy { tokens.user(of: UInt64($0), since: 0) != nil })
    }

    @Test func `there are so many users, and one who was not here for long goes`() {
        let tokens = tokens(limit: 50)
        for number in 1...500 { tokens.remember(grant("user\(number)", [UInt64(number)], at: Int64(number))) }
        #expect(tokens.userCount == 50)
        let known = (1...500).filter { tokens.user(of: UInt64($0), since: 0) != nil }
        #expect(known.count == 50)
        #expect(known.allSatisfy { name(tokens.user(of: UInt64($0), since: 0)) == "user\($0)" })
        // Sampled, so not exactly the last fifty.
        #expect(known.filter { $0 > 400 }.count > 40)
        tokens.changeLimit(to: 5)
        #expect(tokens.userCount == 5)
    }

    @Test func `what is known can be told and taken in again`() {
        let tokens = tokens()
        tokens.remember(grant("alice", [1, 2], id: "7"))
        tokens.remember(grant("bob", [3], at: 50))
        tokens.remember(grant("bob", [3], at: 50))
        let pending = tokens.takePending()
        #expect(pending.grants.count == 2 && pending.isWhole)
        #expect(tokens.takePending().grants.isEmpty)
        let other = self.tokens()
        for grant in tokens.snapshot(since: 60) { other.restore(grant) }
        #expect(name(other.user(of: 2, since: 0)) == "alice")
        #expect(other.user(of: 3, since: 0) == nil)
        #expect(other.takePending().grants.isEmpty)
    }
}
