// SPDX-License-Identifier: Apache-2.0
import Testing
import Wire

@testable import Logins

struct ClientPrintTests {
    private func print(_ lines: String..., version: String = "HTTP/1.1") throws -> [String] {
        let bytes = Array("GET / \(version)\r\n\(lines.map { $0 + "\r\n" }.joined())\r\n".utf8)
        var head = RequestHead()
        var progress = HeadProgress()
        #expect(try HeadParser.parseRequest(bytes.span, limits: HeadLimits(), progress: &progress, into: &head))
        var out: [UInt8] = []
        let range = ClientPrint.append(head, bytes.span, to: &out)
        #expect(range.count == out.count)
        return String(decoding: out, as: UTF8.self).split(separator: "-").map(String.init)
    }

    @Test func `order, case, shapes and version each move a part of their own`() throws {
        let plain = try print("Host: a", "Accept: */*", "User-Agent: curl/8.1.2")
        #expect(plain.prefix(3) == ["cli", "11", "3"])
        let shuffled = try print("Host: a", "User-Agent: curl/8.1.2", "Accept: */*")
        #expect(shuffled[3] != plain[3] && shuffled[4] != plain[4])
        let spelt = try print("host: a", "accept: */*", "user-agent: curl/8.1.2")
        #expect(spelt[3] == plain[3] && spelt[4] != plain[4] && spelt[5] == plain[5])
        let shaped = try print("Host: a", "Accept: text/html, */*", "User-Agent: curl/8.1.2")
        #expect(shaped[3] == plain[3] && shaped[4] == plain[4] && shaped[5] != plain[5])
        let old = try print("Host: a", "Accept: */*", "User-Agent: curl/8.1.2", version: "HTTP/1.0")
        #expect(old[1] == "10" && old[3...] == plain[3...])
    }

    @Test func `another release, language or host is the same program`() throws {
        let one = try print("Host: a", "User-Agent: curl/8.1.2", "Accept-Language: de-DE,de;q=0.9")
        let other = try print("Host: b.example", "User-Agent: curl/7.88.1", "Accept-Language: en-US,en;q=0.5")
        #expect(one == other)
    }

    @Test func `cookies, credentials, lengths and what proxies add do not count`() throws {
        let bare = try print("Host: a", "Accept: */*")
        let more = try print(
            "Host: a", "Cookie: a=b", "Authorization: Basic eA==", "X-Forwarded-For: 192.0.2.1", "Via: 1.1 p",
            "Accept: */*", "If-None-Match: \"x\"", "traceparent: 00-0-0-0")
        #expect(bare == more)
    }
}
