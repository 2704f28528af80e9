// SPDX-License-Identifier: Apache-2.0
import Testing
import Wire

@testable import Proxy

struct ClientAddressTests {
    /// The client behind `peer`, given request header lines.
    private func client(
        peer: String, _ lines: [String], trusted: [String] = ["10.0.0.0/8", "fd00::/8"],
        headers: [String] = ["x-forwarded-for"]
    ) throws -> String {
        let text = "GET / HTTP/1.1\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
        let bytes = Array(text.utf8)
        var head = RequestHead()
        var progress = HeadProgress()
        let complete = try HeadParser.parseRequest(bytes.span, limits: HeadLimits(), progress: &progress, into: &head)
        #expect(complete)
        let policy = ClientAddressPolicy(
            trusted: IPPrefixSet(trusted.compactMap { IPPrefix($0) }), headers: headers, prefixLength: 64)
        let address = try #require(IPAddress(peer))
        return ClientAddress.find(peer: address, head, bytes.span, policy).description
    }

    @Test func `an untrusted peer cannot name the client`() throws {
        #expect(try client(peer: "198.51.100.7", ["X-Forwarded-For: 1.2.3.4"]) == "198.51.100.7")
    }

    @Test func `the walk goes from the right over trusted hops`() throws {
        #expect(try client(peer: "10.0.0.1", ["X-Forwarded-For: 1.2.3.4, 203.0.113.9, 10.0.0.2"]) == "203.0.113.9")
    }

    @Test func `what was forged to the left is never reached`() throws {
        #expect(try client(peer: "10.0.0.1", ["X-Forwarded-For: 127.0.0.1, 10.9.9.9, 203.0.113.9"]) == "203.0.113.9")
    }

    @Test func `several fields are one list`() throws {
        #expect(
            try client(peer: "10.0.0.1", ["X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: 10.0.0.3"]) == "203.0.113.9"
        )
    }

    @Test(arguments: [
        ("203.0.113.9:4711", "203.0.113.9"), ("[2001:db8::1]:4711", "2001:db8::1"), ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"), ("::ffff:203.0.113.9", "203.0.113.9"),
    ]) func `ports, brackets and mapped addresses are understood`(element: String, expected: String) throws {
        #expect(try client(peer: "10.0.0.1", ["X-Forwarded-For: \(element)"]) == expected)
    }

    @Test func `garbage ends the walk at the last hop that is known`() throws {
        #expect(try client(peer: "10.0.0.1", ["X-Forwarded-For: 203.0.113.9, unknown, 10.0.0.4"]) == "10.0.0.4")
        #expect(try client(peer: "10.0.0.1", ["X-Forwarded-For: unknown"]) == "10.0.0.1")
    }

    @Test func `headers are asked in the configured order and garbage in one does not hide the next`() throws {
        let lines = ["X-Forwarded-For: 203.0.113.9", "CF-Connecting-IP: 198.51.100.3"]
        #expect(
            try client(peer: "10.0.0.1", lines, headers: ["cf-connecting-ip", "x-forwarded-for"]) == "198.51.100.3")
        let broken = ["X-Forwarded-For: 203.0.113.9", "CF-Connecting-IP: nonsense"]
        #expect(
            try client(peer: "10.0.0.1", broken, headers: ["cf-connecting-ip", "x-forwarded-for"]) == "203.0.113.9")
    }

    @Test func `when every hop is trusted the leftmost is the client`() throws {
        #expect(try client(peer: "10.0.0.1", ["X-Forwarded-For: 10.1.1.1, 10.2.2.2"]) == "10.1.1.1")
    }

    @Test func `RFC 7239 is walked the same way`() throws {
        #expect(
            try client(
                peer: "10.0.0.1", [#"Forwarded: for=1.2.3.4, for="[2001:db8::9]:80";proto=https, for=10.0.0.2"#],
                headers: ["forwarded"]) == "2001:db8::9")
    }
}
