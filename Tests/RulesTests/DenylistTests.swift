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
        guard let hit = list.find(address: try #require(IPAddress(address)), now: now) else { return nil }
        return reason(list, hit)
    }

    private func reason(_ list: Denylist, _ hit: ListHit) -> String {
        var bytes: [UInt8] = []
        list.appendReason(of: hit, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
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
        #expect(list.find(.login, "alice".utf8.span, now: 0).map { reason(list, $0) } == "stolen")
        #expect(list.find(.login, "Alice".utf8.span, now: 0) == nil)
        #expect(list.find(.userID, "42".utf8.span, now: 0) != nil)
        #expect(list.find(.userAgent, "Bad Bot/1.0".utf8.span, now: 0).map { reason(list, $0) } == "bot")
        #expect(list.find(.fingerprint, "hdr-1".utf8.span, now: 0) != nil)
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

    @Test func `attributes stand between time and reason`() throws {
        let list = try list(
            "usr.login=eve 2030-01-01T00:00:00Z mode=monitored since=2026-01-01T00:00:00Z source=soc mode of theft=1\n")
        var entries: [ListEntry] = []
        list.forEach {
            entries.append($0)
            return true
        }
        let entry = try #require(entries.first)
        #expect(entry.isMonitored && entry.time == 1_767_225_600 && entry.expires == 1_893_456_000)
        #expect(String(decoding: entry.source, as: UTF8.self) == "soc")
        #expect(String(decoding: entry.reason, as: UTF8.self) == "mode of theft=1")
        #expect(try DenylistReader.readLine(entry.line.utf8.span) == entry)
        #expect(list.find(.login, "eve".utf8.span, now: 0)?.isMonitored == true)
        #expect(DenylistReader.read([(path: "a", contents: Array("1.2.3.4 - mode=off".utf8))]).problems.count == 1)
    }

    @Test func `numbers of networks and countries are written in one way`() throws {
        let list = try list("asn=AS64500\nasn=64501\ncountry=de\n")
        for number in ["64500", "64501"] { #expect(list.find(.asn, number.utf8.span, now: 0) != nil) }
        #expect(list.find(.country, "DE".utf8.span, now: 0) != nil)
        let bad = DenylistReader.read([(path: "a", contents: Array("asn=x\nasn=0\ncountry=DEU\nasn=4294967296\n".utf8))]
        )
        #expect(bad.problems.map(\.place.line) == [1, 2, 3, 4])
    }

    /// Networks of a few crowded places, many of them inside others.
    private func crowd(_ random: inout SplitMix) -> IPPrefix {
        let bits = Int.random(in: 0...3, using: &random)
        if Bool.random(using: &random) {
            let base: UInt32 = Bool.random(using: &random) ? 0x0a00_0000 : 0xcb00_7100
            let address = IPAddress(v4: base ^ UInt32.random(in: 0 ... .max, using: &random) >> UInt32(8 * bits))
            return IPPrefix(
                address, length: 96 + ([0, 1, 8, 15, 16, 17, 20, 23, 24, 31, 32].randomElement(using: &random) ?? 32))
        }
        let low = UInt64.random(in: 0 ... .max, using: &random) >> UInt64(16 * bits)
        let high = 0x2001_0db8_0000_0000 ^ UInt64.random(in: 0 ... .max, using: &random) >> UInt64(20 * bits)
        let lengths = [0, 1, 16, 32, 48, 56, 63, 64, 65, 96, 127, 128, 128, 128]
        return IPPrefix(IPAddress(high: high, low: low), length: lengths.randomElement(using: &random) ?? 128)
    }

    @Test(arguments: [3, 40, 400]) func `what is found is what a search of every line finds`(count: Int) throws {
        var random = SplitMix(state: UInt64(count))
        var entries: [(prefix: IPPrefix, expires: Int64)] = []
        var text = ""
        for number in 0..<count {
            let expires: Int64 = Bool.random(using: &random) ? 100 : 300
            let prefix = number % 9 == 8 ? entries[number / 2].prefix : crowd(&random)
            if prefix.address.isIPv4 && prefix.length < 96 { continue }
            entries.append((prefix, expires))
            text += "\(prefix) \(ListEntry.time(expires)) \(prefix.length)\n"
        }
        let list = try list(text)
        for number in 0..<(count * 2 + 100) {
            var address = number < entries.count ? entries[number].prefix.address : crowd(&random).address
            if number % 3 == 1 { address.low &+= UInt64(number % 5) }
            for now: Int64 in [0, 100, 200, 300] {
                let expected = entries.filter {
                    $0.expires > now && $0.prefix.contains(address)
                        && address.isIPv4 == ($0.prefix.address.isIPv4 && $0.prefix.length >= 96)
                }.map(\.prefix.length).max()
                let found = list.find(address: address, now: now)
                if found.map({ reason(list, $0) }) != expected.map({ "\($0)" }) {
                    Issue.record(
                        "\(address) at \(now): \(found.map { reason(list, $0) } ?? "-"), not \(expected ?? -1)")
                    return
                }
            }
        }
    }

    @Test func `ten million lines would take 16 bytes an IPv4 entry and 32 an IPv6 entry`() throws {
        var random = SplitMix(state: 7)
        for isIPv4 in [true, false] {
            var text = ""
            for _ in 0..<200_000 {
                let word = UInt64.random(in: 0 ... .max, using: &random)
                text +=
                    isIPv4
                    ? "\(IPAddress(v4: UInt32(truncatingIfNeeded: word)))\n"
                    : "\(IPAddress(high: 0x2000_0000_0000_0000 | word >> 3, low: word &* 31))\n"
            }
            let list = try list(text)
            let memory = list.memory
            #expect(list.count == 200_000)
            #expect(isIPv4 ? memory.v4 <= 16 * 200_000 : memory.v6 <= 32 * 200_000, "\(memory)")
        }
    }
}

/// A stream of numbers that is the same in every run.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}
