// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Wire

struct IPAddressTests {
    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("0.0.0.0", "0.0.0.0"), ("::", "::"), ("::1", "::1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("::ffff:192.0.2.1", "192.0.2.1"),
        ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("fe80::", "fe80::"), ("1:0:2::", "1:0:2::"), ("::2:3", "::2:3"),
    ]) func `text is read and written`(text: String, expected: String) throws {
        #expect(try #require(IPAddress(text)).description == expected)
    }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "1.2.3.4 ", "1..2.3", ".1.2.3", "1.2.3.", ":", ":::",
        "1::2::3", "12345::", "::g",
        "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "fe80::1%eth0", "[::1]", "::1.2.3", "1:2:3:4:5:6:7::8", "::1:", "1:",
    ]) func `everything else is refused`(text: String) { #expect(IPAddress(text) == nil) }

    @Test func `networks hold their addresses`() throws {
        let prefix = try #require(IPPrefix("10.0.0.0/8"))
        #expect(prefix.contains(try #require(IPAddress("10.255.0.1"))))
        #expect(try !prefix.contains(#require(IPAddress("11.0.0.0"))))
        #expect(try #require(IPPrefix("2001:db8::/33")).contains(try #require(IPAddress("2001:db8:7fff::1"))))
        #expect(try !#require(IPPrefix("2001:db8::/33")).contains(try #require(IPAddress("2001:db8:8000::1"))))
        #expect(IPPrefix.parse("10.0.0.1/8") == .failure(.hostBits(prefix)))
        for text in ["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "::/129", "10.0.0.0/8/8", "x/8"] {
            #expect(IPPrefix(text) == nil, "\(text)")
        }
        #expect(try #require(IPPrefix("0.0.0.0/0")).description == "0.0.0.0/0")
    }

    @Test func `a set of networks holds what any of them holds`() throws {
        let set = IPPrefixSet(
            ["10.0.0.0/8", "10.1.0.0/16", "192.0.2.7", "2001:db8::/32", "0.0.0.0/32"].compactMap { IPPrefix($0) })
        for text in ["10.1.2.3", "10.255.255.255", "192.0.2.7", "2001:db8:ffff::1", "0.0.0.0"] {
            #expect(set.contains(try #require(IPAddress(text))), "\(text)")
        }
        for text in ["9.255.255.255", "11.0.0.0", "192.0.2.6", "192.0.2.8", "2001:db9::", "::"] {
            #expect(!set.contains(try #require(IPAddress(text))), "\(text)")
        }
        #expect(IPPrefixSet([]).isEmpty)
    }

    @Test func `private, loopback and public addresses are told apart`() throws {
        for text in [
            "10.1.1.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "127.0.0.1", "169.254.1.1", "100.64.0.1", "::1",
            "fd00::1", "fe80::1",
        ] {
            #expect(try #require(IPAddress(text)).isPrivate, "\(text)")
        }
        for text in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2001:db8::1", "fec0::1"] {
            #expect(try !#require(IPAddress(text)).isPrivate, "\(text)")
        }
    }
}
