// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct RequestTargetTests {
    private func parse(_ target: String, host: String? = "a", method: String = "GET", version: String = "1.1")
        throws(HeadError) -> ParsedRequest?
    {
        try ParsedRequest("\(method) \(target) HTTP/\(version)\r\n\(host.map { "Host: \($0)\r\n" } ?? "")\r\n")
    }

    private struct Parts: Equatable {
        var form: TargetForm
        var path: String
        var query: String?
        var authority: String
    }

    private func parts(_ request: ParsedRequest?) throws -> Parts {
        let request = try #require(request)
        return Parts(
            form: request.head.form, path: request.text(request.head.path),
            query: request.head.query.map { request.text($0) }, authority: request.text(request.head.authority))
    }

    @Test func `takes the origin form apart`() throws {
        #expect(try parts(parse("/")) == Parts(form: .origin, path: "/", query: nil, authority: "a"))
        #expect(try parts(parse("/a/b?")) == Parts(form: .origin, path: "/a/b", query: "", authority: "a"))
        #expect(try parts(parse("/a?b?c=/d")) == Parts(form: .origin, path: "/a", query: "b?c=/d", authority: "a"))
        #expect(try parts(parse("//a/b")) == Parts(form: .origin, path: "//a/b", query: nil, authority: "a"))
        #expect(try parts(parse("/a\"b|c\\d{}^`<>%zz%")).path == "/a\"b|c\\d{}^`<>%zz%")
        #expect(try parts(parse("/", host: nil, version: "1.0")).authority == "")
    }

    @Test func `takes the absolute form apart`() throws {
        #expect(
            try parts(parse("http://a.example:8080/p?q", host: "a.example:8080"))
                == Parts(form: .absolute, path: "/p", query: "q", authority: "a.example:8080"))
        #expect(try parts(parse("HTTPS://a?q=/x")) == Parts(form: .absolute, path: "", query: "q=/x", authority: "a"))
        #expect(try parts(parse("http://a")) == Parts(form: .absolute, path: "", query: nil, authority: "a"))
        #expect(
            try parts(parse("http://[::1]:80/", host: "[::1]:80"))
                == Parts(form: .absolute, path: "/", query: nil, authority: "[::1]:80"))
        #expect(try parts(parse("http://a/x", host: nil, version: "1.0")).authority == "a")
    }

    @Test func `knows the asterisk of OPTIONS`() throws {
        #expect(
            try parts(parse("*", method: "OPTIONS")) == Parts(form: .asterisk, path: "", query: nil, authority: "a"))
        for (target, method) in [("*", "GET"), ("*", "PRI"), ("*", "M-SEARCH"), ("**", "OPTIONS"), ("*?x", "OPTIONS")] {
            #expect(throws: HeadError.badTarget) { try parse(target, method: method) }
        }
    }

    @Test(arguments: [
        "a", "a/b", "a:443", "example.com:443", "!", "?x", "ftp://a/", "http:/a", "http:///x", "http://", "http:a",
        "htp://a/",
        "http://user@a/", "http://user:pw@a/", "http://a:b/", "http://a:65536/", "http://a,b/", "http://[::1/",
        "http://[::g]/",
        "http://[1.2.3.4]/", "http://a%2eb/", "https:\\\\a/", "://a/", "javascript:x",
    ])
    func `refuses what has none of the four forms`(_ target: String) {
        #expect(throws: HeadError.badTarget) { try parse(target) }
    }

    @Test func `refuses every byte that is not visible ASCII, and fragments`() throws {
        for byte in everyByte where byte <= 32 || byte >= 127 || byte == UInt8(ascii: "#") {
            for prefix in ["GET /", "GET /?", "GET /longer-than-one-word-of-eight-bytes"] {
                let bytes = Array(prefix.utf8) + [byte] + Array("x HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
                #expect(throws: HeadError.self, "byte \(byte)") { try ParsedRequest(bytes) }
            }
        }
        for byte in UInt8(33)...126 where byte != UInt8(ascii: "#") {
            let bytes = Array("GET /".utf8) + [byte] + Array("x HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
            #expect(try ParsedRequest(bytes) != nil, "byte \(byte)")
        }
    }

    // MARK: Host

    @Test func `wants exactly one Host in HTTP 1_1 and at most one in HTTP 1_0`() throws {
        #expect(throws: HeadError.missingHost) { try parse("/", host: nil) }
        #expect(throws: HeadError.missingHost) { try parse("http://a/", host: nil) }
        #expect(throws: HeadError.twoHosts) { try parse("/", host: "a\r\nHost: a") }
        #expect(throws: HeadError.twoHosts) { try parse("/", host: "a\r\nX: y\r\nhOST: b") }
        #expect(throws: HeadError.twoHosts) { try parse("/", host: "a\r\nHost: b", version: "1.0") }
        #expect(try parse("/", host: nil, version: "1.0") != nil)
    }

    @Test(arguments: [
        "a", "login.example.com", "a:80", "a:", "a:0", "a:65535", "a_b-c.d~e", "127.0.0.1:8080", "[::1]",
        "[2001:db8::1]:443",
        "[::ffff:1.2.3.4]", "", "xn--bcher-kva.example", "A.EXAMPLE",
    ])
    func `takes valid hosts`(_ host: String) throws {
        #expect(try parts(parse("/", host: host)).authority == host)
    }

    @Test(arguments: [
        "a b", "a,b", "a/b", "a@b", "a\\b", "http://a", "a?b", "a#b", "a=b", "a%41", "a%", "a\"", "a;b", "a:b", "a:-1",
        "a:+1",
        "a:65536", "a:999999", "a:80:80", ":80", "[", "[]", "[::1", "::1", "[::1]x", "[::1]:x", "[::g]", "[1.2.3.4]",
        "[v1.a]",
        "[fe80::1%25eth0]", "ä.example", "a\u{0}b",
    ])
    func `refuses hosts that can be read in two ways`(_ host: String) {
        #expect(throws: HeadError.self) { try parse("/", host: host) }
    }

    @Test func `refuses a Host that names another authority than the target`() throws {
        for (target, host) in [
            ("http://a/", "b"), ("http://a:80/", "a:81"), ("http://a:443/", "a"), ("https://a:80/", "a"),
            ("http://a/", ""),
            ("http://a/", "a.b"),
        ] {
            #expect(throws: HeadError.hostMismatch, "\(target) \(host)") { try parse(target, host: host) }
        }
        for (target, host) in [
            ("http://A.Example/", "a.eXample"), ("http://a:80/", "a"), ("http://a/", "a:80"), ("https://a/", "a:443"),
            ("https://a:443/", "a"), ("http://a:/", "a"), ("http://a", "a:"),
        ] {
            #expect(try parts(parse(target, host: host)).form == .absolute, "\(target) \(host)")
        }
    }
}
