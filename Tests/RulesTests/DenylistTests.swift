// SPDX-License-Identifier: Apache-2.0
import Testing
import Wire

@testable import Rules

struct DenylistTests {
    private func list(_ text: String) throws -> Denylist {
        let read = DenylistReader.read([(path: "deny.txt", contents: Array(text.utf8))])
        return try #require(read.list, "\(read.problems)")
    }

    private func reason(_ list: Denylist, _ address: String, now: Int64 = 0) throws -> String? {
        list.find(address: try #require(IPAddress(address)), now: now)?.reason
    }

    @Test func `the longest live network is reported`() throws {
        let list = try list(
            "203.0.113.0/24 - wide\n203.0.113.9 - narrow # not a comment\n2001:db8::/32 - six\n198.51.100.7\r\n")
        #expect(try reason(list, "203.0.113.9") == "narrow # not a comment")
        #expect(try reason(list, "203.0.113.10") == "wide")
        #expect(try reason(list, "::ffff:203.0.113.10") == "wide")
        #expect(try reason(list, "2001:db8:1::1") == "six")
        #expect(try reason(list, "198.51.100.7") == "")
        #expect(try reason(list, "198.51.100.8") == nil)
        #expect(list.count == 4)
    }

    @Test func `an expired entry hides no live one`() throws {
        let list = try list("203.0.113.0/24 - wide\n203.0.113.9 2026-01-01T00:00:00Z narrow\n")
        let end = Int64(1_767_225_600)
        #expect(try reason(list, "203.0.113.9", now: end - 1) == "narrow")
        #expect(try reason(list, "203.0.113.9", now: end) == "wide")
    }

    @Test func `names, ids, agents and fingerprints are exact`() throws {
        let list = try list(
            "usr.login=alice - stolen\nusr.id=42\nuser_agent=\"Bad Bot/1.0\" - bot\nfingerprint=hdr-1 -\n# comment\n\n")
        #expect(list.find(login: Array("alice".utf8).span, now: 0)?.reason == "stolen")
        #expect(list.find(login: Array("Alice".utf8).span, now: 0) == nil)
        #expect(list.find(userID: Array("42".utf8).span, now: 0) != nil)
        #expect(list.find(userAgent: Array("Bad Bot/1.0".utf8).span, now: 0)?.reason == "bot")
        #expect(list.find(fingerprint: Array("hdr-1".utf8).span, now: 0) != nil)
        #expect(list.hasFingerprints)
    }

    @Test func `one bad line rejects the load, and all bad lines are told`() {
        let read = DenylistReader.read([
            (
                path: "deny.txt",
                contents: Array("192.0.2.1\nnonsense\n192.0.2.1/24\n192.0.2.0/33\n192.0.2.5 soon\nusr.login=\n".utf8)
            )
        ])
        #expect(read.list == nil)
        #expect(read.problems.map(\.place.line) == [2, 3, 4, 5, 6])
        #expect(read.problems[1].hint == "did you mean 192.0.2.0/24?")
    }

    @Test func `many entries are all found and nothing else is`() throws {
        var text = ""
        for number in 0..<20_000 { text += "10.\(number / 256).\(number % 256).0/24\n" }
        let list = try list(text)
        for number in stride(from: 0, to: 20_000, by: 37) {
            #expect(try reason(list, "10.\(number / 256).\(number % 256).77") != nil)
            #expect(try reason(list, "11.\(number / 256).\(number % 256).77") == nil)
        }
    }
}
