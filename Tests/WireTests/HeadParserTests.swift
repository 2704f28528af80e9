// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct HeadParserTests {
    static let browser =
        "POST /login?next=%2F HTTP/1.1\r\nHost: login.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n"
        + "Accept: */*\r\nCookie: sid=1; theme=dark\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        + "Content-Length: 27\r\nConnection: keep-alive\r\n\r\n"

    @Test func `gives a head as ranges into its bytes`() throws {
        let request = try #require(try ParsedRequest(Self.browser + "username=a"))
        #expect(request.head.length == Self.browser.utf8.count)
        #expect(request.head.method == .post && request.head.version == .http11 && request.head.form == .origin)
        #expect(request.text(request.head.path) == "/login")
        #expect(request.head.query.map { request.text($0) } == "next=%2F")
        #expect(request.text(request.head.authority) == "login.example.com")
        #expect(
            request.head.fields.map(\.known) == [
                .host, .userAgent, .accept, .cookie, .contentType, .contentLength, .connection,
            ])
        #expect(request.fields[3] == "Cookie=sid=1; theme=dark")
    }

    @Test func `is complete with its last byte and not before`() throws {
        let bytes = Array(Self.browser.utf8)
        for end in 0..<bytes.count { #expect(try ParsedRequest(Array(bytes[..<end])) == nil, "after \(end) bytes") }
        #expect(try ParsedRequest(bytes) != nil)
    }

    @Test func `gives the same whatever pieces the bytes come in`() throws {
        let whole = try #require(try ParsedRequest(Self.browser))
        let bytes = Array(Self.browser.utf8)
        for step in 1...40 {
            var head = RequestHead()
            var progress = HeadProgress()
            var end = 0
            var isComplete = false
            while !isComplete && end < bytes.count {
                end = min(end + step, bytes.count)
                isComplete = try HeadParser.parseRequest(
                    bytes.span.extracting(0..<end), limits: HeadLimits(), progress: &progress, into: &head)
            }
            #expect(isComplete && end == bytes.count)
            #expect(head.fields == whole.head.fields && head.target == whole.head.target)
            #expect(head.presence == whole.head.presence && head.length == whole.head.length)
        }
    }

    @Test func `gives the same complaint whatever pieces the bytes come in`() {
        for text in [
            "GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: \u{1}\r\nY@: z\r\n\r\n",
            "G@T / HTTP/1.1\r\nX : y\r\n\r\n", "GET / HTTP/1.1\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
            "GET * HTTP/1.1\r\nHost: a b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "\n\n",
            "GET / HTTP/2.0\r\n\r\n",
        ] {
            let bytes = Array(text.utf8)
            let whole = #expect(throws: HeadError.self) { try ParsedRequest(bytes) }
            for step in 1...bytes.count {
                let pieces = #expect(throws: HeadError.self, "\(text) by \(step)") {
                    var head = RequestHead()
                    var progress = HeadProgress()
                    for end in stride(from: step, to: bytes.count + step, by: step) {
                        _ = try HeadParser.parseRequest(
                            bytes.span.extracting(0..<min(end, bytes.count)), limits: HeadLimits(), progress: &progress,
                            into: &head)
                    }
                }
                #expect(pieces == whole, "\(text) by \(step)")
            }
        }
    }

    @Test func `leaves nothing of the message before`() throws {
        var head = RequestHead()
        var progress = HeadProgress()
        let first = Array("OPTIONS http://a/b?c HTTP/1.0\r\nHost: a\r\nCookie: x\r\nCookie: y\r\n\r\n".utf8)
        let isFirst = try HeadParser.parseRequest(first.span, limits: HeadLimits(), progress: &progress, into: &head)
        progress.reset()
        let second = Array("GET /z HTTP/1.1\r\nHost: b\r\n\r\n".utf8)
        let isSecond = try HeadParser.parseRequest(second.span, limits: HeadLimits(), progress: &progress, into: &head)
        #expect(isFirst && isSecond)
        let parsed = try #require(try ParsedRequest(second))
        #expect(
            head.fields == parsed.head.fields && head.presence == parsed.head.presence
                && head.repetition == parsed.head.repetition)
        #expect(head.query == nil && head.path == parsed.head.path && head.authority == parsed.head.authority)
        #expect(head.form == .origin && head.method == .get && head.version == .http11)
    }

    @Test func `leaves no range behind after a reset`() throws {
        let request = try #require(try ParsedRequest("POST http://a/b?c HTTP/1.0\r\nHost: a\r\n\r\n"))
        request.reset()
        #expect(request.head.methodRange == .empty && request.head.target == .empty && request.head.path == .empty)
        #expect(request.head.authority == .empty && request.fields.isEmpty && request.head.query == nil)
        #expect(request.head.length == 0 && request.head.presence == 0)
        let response = try #require(try ParsedResponse("HTTP/1.0 404 Gone\r\nA: b\r\n\r\n"))
        response.reset()
        #expect(response.head.reason == .empty && response.fields.isEmpty)
        #expect(response.head.length == 0 && response.head.status == 0)
    }

    @Test func `bounds the head to the byte`() throws {
        let bytes = Array(Self.browser.utf8)
        var limits = HeadLimits()
        limits.headBytes = bytes.count
        #expect(try ParsedRequest(bytes, limits: limits) != nil)
        #expect(try ParsedRequest(bytes + bytes, limits: limits) != nil)
        limits.headBytes = bytes.count - 1
        #expect(throws: HeadError.headTooLarge) { try ParsedRequest(bytes, limits: limits) }
        #expect(try ParsedRequest(Array(bytes.dropLast(2)), limits: limits) == nil)
        #expect(throws: HeadError.headTooLarge) { try ParsedRequest(Array(bytes.dropLast(1)), limits: limits) }
        #expect(HeadError.headTooLarge.status == 431)
    }

    @Test func `gives every reason a label and a status that closes`() {
        let labels = Set(HeadError.allCases.map { "\($0.reason)" })
        #expect(labels.count == HeadError.allCases.count)
        for error in HeadError.allCases {
            #expect([400, 405, 414, 431, 501, 505].contains(error.status))
            #expect("\(error.reason)".allSatisfy { $0.isLowercase || $0.isNumber || $0 == "_" })
        }
    }

    // MARK: Responses

    @Test func `reads a response head`() throws {
        let response = try #require(
            try ParsedResponse(
                "HTTP/1.1 404 Not  Found \r\nContent-Length: 0\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\nrest"))
        #expect(response.head.status == 404 && response.head.version == .http11)
        #expect(response.text(response.head.reason) == "Not  Found ")
        #expect(response.fields == ["Content-Length=0", "Set-Cookie=a", "Set-Cookie=b"])
        #expect(response.head.repeats(.setCookie) && response.head.first(.setCookie) == 1)
        #expect(response.head.length == response.bytes.count - 4)
        #expect(response.first(named: "set-cookie") == 1)
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK", 200, "OK"), ("HTTP/1.0 200 ", 200, ""), ("HTTP/1.1 200", 200, ""),
        ("HTTP/1.1 599 \u{e4}\t!", 599, "ä\t!"),
        ("HTTP/1.1 100 Continue", 100, "Continue"),
    ])
    func `takes status lines with and without a reason`(_ line: String, _ status: Int, _ reason: String) throws {
        let response = try #require(try ParsedResponse("\(line)\r\n\r\n"))
        #expect(response.head.status == status)
        #expect(response.text(response.head.reason) == reason)
    }

    @Test(arguments: [
        ("HTTP/1.1 20 OK", HeadError.badStatus), ("HTTP/1.1 2000 OK", .badStatus), ("HTTP/1.1 099 x", .badStatus),
        ("HTTP/1.1 600 x", .badStatus), ("HTTP/1.1 abc x", .badStatus), ("HTTP/1.1 -20 x", .badStatus),
        ("HTTP/1.1  200 OK", .badStatus), ("HTTP/1.1 200\tOK", .badStatus), ("HTTP/1.1", .badStatusLine),
        ("http/1.1 200 OK", .badStatusLine), (" HTTP/1.1 200 OK", .badStatusLine), ("HTTP/1.1\t200 OK", .badStatusLine),
        ("HTTP/11 200 OK", .badStatusLine), ("ICY 200 OK", .badStatusLine), ("", .badStatusLine),
        ("HTTP/2.0 200 OK", .unsupportedVersion), ("HTTP/1.2 200 OK", .unsupportedVersion),
        ("HTTP/0.9 200 OK", .unsupportedVersion),
        ("HTTP/1.1 200 O\u{0}K", .badStatusLine), ("HTTP/1.1 200 OK\nX: y", .bareLineFeed),
        ("HTTP/1.1 200 OK\rX: y", .bareCarriageReturn),
        ("HTTP/1.1 200 OK\r\n folded", .lineFolding), ("HTTP/1.1 200 OK\r\nA : b", .spaceBeforeColon),
        ("HTTP/1.1 200 OK\r\nContent_Length: 5", .lookalikeFramingField),
    ])
    func `refuses responses that two readers could read in two ways`(_ lines: String, _ reason: HeadError) {
        #expect(throws: reason) { try ParsedResponse("\(lines)\r\nContent-Length: 0\r\n\r\n") }
    }

    @Test func `waits for the whole response head`() throws {
        let bytes = Array("HTTP/1.1 200 OK\r\nA: b\r\n\r\n".utf8)
        var head = ResponseHead()
        var progress = HeadProgress()
        for end in 0...bytes.count {
            let isComplete = try HeadParser.parseResponse(
                bytes.span.extracting(0..<end), limits: HeadLimits(), progress: &progress, into: &head)
            #expect(isComplete == (end == bytes.count), "after \(end) bytes")
        }
        #expect(throws: HeadError.badStatusLine) { try ParsedResponse("SSH-2.0-OpenSSH") }
    }
}
