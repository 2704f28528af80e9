// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Logins

struct DeviceTokensTests {
    private let tokens = DeviceTokens(key: [UInt8](repeating: 7, count: 32))
    private let day: Int64 = 86_400

    private func check(_ token: [UInt8], at seconds: Int64, by tokens: DeviceTokens? = nil) -> (Bool, Bool) {
        let result = (tokens ?? self.tokens).check(token.span, unixSeconds: seconds)
        return (result.isOurs, result.isOld)
    }

    @Test func `a token is ours for a year and is renewed after half of one`() {
        let now: Int64 = 1_795_000_000
        let token = tokens.make(unixSeconds: now)
        #expect(token.count == 72)
        #expect(check(token, at: now) == (true, false))
        #expect(check(token, at: now + 179 * day) == (true, false))
        #expect(check(token, at: now + 181 * day) == (true, true))
        #expect(check(token, at: now + 365 * day).0)
        #expect(check(token, at: now + 366 * day).0 == false)
        // A clock that was put back takes nobody's mark away.
        #expect(check(token, at: now - 30 * day) == (true, false))
    }

    @Test func `no two are alike`() {
        let made = Set((0..<1_000).map { _ in tokens.make(unixSeconds: 0) })
        #expect(made.count == 1_000)
    }

    @Test func `a token that was changed anywhere, cut, spelt otherwise or made with another key is not ours`() {
        let token = tokens.make(unixSeconds: 1_795_000_000)
        for index in token.indices {
            var changed = token
            changed[index] = changed[index] == 48 ? 49 : 48
            #expect(check(changed, at: 1_795_000_000).0 == false, "byte \(index)")
        }
        let upper = token.map { $0 >= 97 ? $0 - 32 : $0 }
        #expect(upper == token || check(upper, at: 1_795_000_000).0 == false)
        for wrong in [[], Array(token.dropLast()), token + [48], Array("zz".utf8) + token.dropFirst(2)] {
            #expect(check(wrong, at: 1_795_000_000).0 == false)
        }
        let others = DeviceTokens(key: [UInt8](repeating: 8, count: 32))
        #expect(check(token, at: 1_795_000_000, by: others).0 == false)
    }

    @Test func `the signature is that of RFC 4231, test case 1`() {
        let key = [UInt8](repeating: 0x0b, count: 20)
        let mac = MessageCode.sha256(of: Array("Hi There".utf8), key: key)
        #expect(mac.prefix(4) == [0xb0, 0x34, 0x4c, 0x61] && mac.suffix(2) == [0xcf, 0xf7])
    }
}
