// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct RequestLineTests {
    /// A request that is right but for its first line.
    private func parse(_ line: [UInt8]) throws(HeadError) -> ParsedRequest? {
        try ParsedRequest(line + Array("\r\nHost: a\r\n\r\n".utf8))
    }

    private func parse(_ line: String) throws(HeadError) -> ParsedRequest? { try parse(Array(line.utf8)) }

    @Test(arguments: [
        ("GET", HTTPMethod.get), ("HEAD", .head), ("POST", .post), ("PUT", .put), ("DELETE", .delete),
        ("OPTIONS", .options), ("PATCH", .patch), ("TRACE", .trace), ("get", .other), ("GETS", .other),
        ("PROPFIND", .other), ("M-SEARCH", .other), ("X", .other), ("!#$%&'*+-.^_`|~09", .other),
    ])
    func `knows methods by their exact names`(_ name: String, _ method: HTTPMethod) throws {
        let request = try #require(try parse("\(name) /x HTTP/1.1"))
        #expect(request.head.method == method)
        #expect(request.text(request.head.methodRange) == name)
        #expect(request.text(request.head.target) == "/x")
    }

    @Test func `refuses every byte that is no token in a method`() throws {
        for byte in everyByte where !ByteClass.isToken(byte) && byte != 32 {
            #expect(throws: HeadError.badMethod, "byte \(byte)") {
                try parse([71, byte, 84] + Array(" / HTTP/1.1".utf8))
            }
        }
    }

    @Test func `refuses a method that never ends`() throws {
        let longest = String(repeating: "M", count: Limits.methodBytes)
        #expect(try parse("\(longest) / HTTP/1.1") != nil)
        #expect(throws: HeadError.badMethod) { try parse("\(longest)M / HTTP/1.1") }
        #expect(throws: HeadError.badMethod) { try ParsedRequest("\(longest)M") }
    }

    @Test(arguments: ["CONNECT a:443 HTTP/1.1", "CONNECT / HTTP/1.0"])
    func `does not tunnel`(_ line: String) {
        #expect(throws: HeadError.connectMethod) { try parse(line) }
        #expect(HeadError.connectMethod.status == 405)
    }

    @Test func `reads the two versions`() throws {
        #expect(try parse("GET / HTTP/1.1")?.head.version == .http11)
        #expect(try parse("GET / HTTP/1.0")?.head.version == .http10)
    }

    @Test(arguments: ["HTTP/0.9", "HTTP/1.2", "HTTP/1.9", "HTTP/2.0", "HTTP/3.0", "HTTP/9.9", "HTTP/1.32"])
    func `says of other versions that it does not speak them`(_ version: String) {
        #expect(throws: HeadError.unsupportedVersion) { try parse("GET / \(version)") }
        #expect(HeadError.unsupportedVersion.status == 505)
    }

    @Test(arguments: [
        "", "HTTP", "HTTP/", "HTTP/1", "HTTP/1.", "HTTP/11", "http/1.1", "HTTP/1,1", "HTTP /1.1", "HTTP/1.1 ",
        "HTTP/1.1\t", "HTTP/1.1x", "HTTP/a.1", "HTTP/1.a", "HTTPS/1.1", "ICE/1.0", "RTSP/1.0", " HTTP/1.1", "HTTP/01.1",
        "HTTP/1.10", "HTTP/+1.1", "\u{85}HTTP/1.1",
    ])
    func `refuses what is no version`(_ version: String) {
        #expect(throws: HeadError.badVersion) { try parse("GET / \(version)") }
    }

    @Test(arguments: [
        "GET  / HTTP/1.1", "GET\t/ HTTP/1.1", " GET / HTTP/1.1", "GET /", "GET", "/", "", "GET / x HTTP/1.1",
    ])
    func `refuses lines that are not three words with one space between`(_ line: String) {
        #expect(throws: HeadError.self) { try parse(line) }
    }

    @Test(arguments: ["GET / HTTP/1.1\nHost: a\n\n", "GET /\nHost: a\r\n\r\n", "GET / HTTP/1.1\n"])
    func `refuses lines that end with a line feed alone`(_ text: String) {
        #expect(throws: HeadError.bareLineFeed) { try ParsedRequest(text) }
    }

    @Test(arguments: ["GET / HTTP/1.1\rHost: a\r\n\r\n", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"])
    func `refuses lines that end with a carriage return alone`(_ text: String) {
        #expect(throws: HeadError.bareCarriageReturn) { try ParsedRequest(text) }
    }

    @Test func `forgives a few empty lines in front`() throws {
        for count in 0...Limits.emptyLines {
            let empty = String(repeating: "\r\n", count: count)
            let request = try #require(try ParsedRequest("\(empty)GET /x HTTP/1.1\r\nHost: a\r\n\r\nrest"))
            #expect(request.head.length == 2 * count + 28)
            #expect(request.text(request.head.target) == "/x")
        }
        let flood = String(repeating: "\r\n", count: Limits.emptyLines + 1)
        #expect(throws: HeadError.badRequestLine) { try ParsedRequest("\(flood)GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
        #expect(throws: HeadError.self) { try ParsedRequest("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n") }
    }

    @Test func `refuses what is no request as soon as it can be seen`() {
        // The first byte of a TLS handshake.
        #expect(throws: HeadError.badMethod) { try ParsedRequest([0x16]) }
        #expect(throws: HeadError.badMethod) { try ParsedRequest("{\"") }
        #expect(throws: HeadError.badTarget) { try ParsedRequest("GET *\u{0}") }
        #expect(throws: HeadError.badVersion) { try ParsedRequest("GET / X") }
    }

    @Test func `gives a longest target`() throws {
        var limits = HeadLimits()
        limits.targetBytes = 10
        #expect(try ParsedRequest("GET /234567890 HTTP/1.0\r\n\r\n", limits: limits) != nil)
        #expect(throws: HeadError.targetTooLong) {
            try ParsedRequest("GET /2345678901 HTTP/1.0\r\n\r\n", limits: limits)
        }
        #expect(throws: HeadError.targetTooLong) { try ParsedRequest("GET /2?45678901", limits: limits) }
        #expect(HeadError.targetTooLong.status == 414)
    }
}
