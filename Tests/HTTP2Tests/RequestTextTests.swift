// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@testable import HTTP2

@Suite struct RequestTextTests {
    static let pseudo = [(":method", "GET"), (":scheme", "https"), (":authority", "a.example"), (":path", "/x?y=z")]

    static func write(_ fields: [(String, String)], limit: Int = 1024) -> (text: String, problem: HeadError?) {
        var request = RequestText(limit: limit)
        for (name, value) in fields { request.add(name.utf8.span, value.utf8.span) }
        var buffer = ByteBuffer()
        request.finish(into: &buffer)
        var bytes: [UInt8] = []
        bytes.append(buffer)
        return (String(decoding: bytes, as: UTF8.self), request.problem)
    }

    static func problem(_ fields: [(String, String)]) -> HeadError? { write(fields).problem }

    @Test func `becomes a request of HTTP 1.1`() {
        let (text, problem) = Self.write(Self.pseudo + [("accept", "*/*"), ("x-a", "")])
        #expect(problem == nil)
        #expect(text == "GET /x?y=z HTTP/1.1\r\nHost: a.example\r\naccept: */*\r\nx-a: \r\n\r\n")
    }

    @Test func `takes the host when there is no authority`() {
        var fields = Self.pseudo + [("host", "b")]
        fields.remove(at: 2)
        #expect(Self.write(fields).text.hasPrefix("GET /x?y=z HTTP/1.1\r\nHost: b\r\n"))
    }

    @Test func `takes a host that says the same and writes it once`() {
        #expect(
            Self.write(Self.pseudo + [("host", "A.example")]).text
                == "GET /x?y=z HTTP/1.1\r\nHost: a.example\r\n\r\n")
    }

    @Test func `joins cookies`() {
        #expect(
            Self.write(Self.pseudo + [("cookie", "a=1"), ("x", "y"), ("cookie", "b=2")]).text
                .hasSuffix("x: y\r\ncookie: a=1; b=2\r\n\r\n"))
    }

    @Test(arguments: [
        ("x", "a\r\nb"), ("x", "a\nb"), ("x", "a\0b"), ("x", "a\u{7f}"), ("X-A", "b"), ("a b", "c"), ("a:", "b"),
        ("", "b"),
        ("a\r\nb", "c"), ("connection", "close"), ("keep-alive", "1"), ("proxy-connection", "x"), ("upgrade", "h2c"),
        ("http2-settings", "x"), ("transfer-encoding", "chunked"), ("te", "gzip"), ("host", "other"),
        (":path", "/late"),
        (":status", "200"), (":protocol", "websocket"),
    ])
    func `refuses what would mean something else`(name: String, value: String) {
        let (text, problem) = Self.write(Self.pseudo + [(name, value)])
        #expect(problem != nil)
        #expect(text.isEmpty)
    }

    @Test(arguments: [
        (0, "GE T"), (0, "GET / HTTP/1.1\r\nx:"), (0, ""), (0, "CONNECT"), (1, "ftp"), (1, ""), (2, ""), (3, ""),
        (3, "x"),
        (3, "http://b/"), (3, "/a b"), (3, "/\t"), (3, "/#"), (3, "/\u{e9}"),
    ])
    func `refuses pseudo fields that are no part of a request line`(place: Int, value: String) {
        var fields = Self.pseudo
        fields[place].1 = value
        #expect(Self.problem(fields) != nil)
    }

    @Test(arguments: 0..<4) func `refuses a pseudo field twice`(place: Int) {
        #expect(Self.problem(Self.pseudo + [Self.pseudo[place]]) != nil)
    }

    @Test(arguments: [0, 1, 3]) func `refuses a pseudo field that is missing`(place: Int) {
        var fields = Self.pseudo
        fields.remove(at: place)
        #expect(Self.problem(fields) != nil)
    }

    @Test func `refuses a pseudo field behind another`() {
        var fields = Self.pseudo
        fields.insert(("x", "y"), at: 3)
        #expect(Self.problem(fields) == .badRequestLine)
    }

    @Test func `keeps no more than its limit`() {
        let many = (0..<100).map { ("x-\($0)", String(repeating: "y", count: 50)) }
        #expect(Self.problem(Self.pseudo + many) == .headTooLarge)
    }
}
