// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct FieldLinesTests {
    private func parse(_ lines: [UInt8], limits: HeadLimits = HeadLimits()) throws(HeadError) -> ParsedRequest? {
        try ParsedRequest(Array("GET / HTTP/1.1\r\nHost: a\r\n".utf8) + lines + Array("\r\n\r\n".utf8), limits: limits)
    }

    private func parse(_ lines: String, limits: HeadLimits = HeadLimits()) throws(HeadError) -> ParsedRequest? {
        try parse(Array(lines.utf8), limits: limits)
    }

    @Test func `gives names and values without the blanks around them`() throws {
        let request = try #require(
            try parse("A:b\r\nEmpty:\r\nBlank: \t \r\nX-Long-Name-Of-Many-Words: \t one  two\tthree \t\r\nQ: \"a\"; b"))
        #expect(
            request.fields == [
                "Host=a", "A=b", "Empty=", "Blank=", "X-Long-Name-Of-Many-Words=one  two\tthree", "Q=\"a\"; b",
            ])
    }

    @Test func `knows what occurs and what occurs twice`() throws {
        let request = try #require(try parse("Cookie: a\r\nX: 1\r\nCOOKIE: b\r\nAccept: */*\r\nX: 2"))
        #expect(request.head.contains(.cookie) && request.head.repeats(.cookie))
        #expect(request.head.contains(.accept) && !request.head.repeats(.accept))
        #expect(!request.head.contains(.referer) && !request.head.repeats(.referer))
        #expect(request.head.first(.cookie) == 1)
        #expect(request.head.first(.referer) == nil)
        #expect(request.first(named: "x") == 2)
        #expect(request.first(named: "y") == nil)
    }

    @Test func `refuses every byte in a name that is no token`() throws {
        for byte in everyByte where byte != UInt8(ascii: ":") {
            for name in [
                [byte], [120, byte, 121], Array("longer-than-a-word".utf8) + [byte], Array("Hos".utf8) + [byte],
            ] {
                let line = name + Array(": x".utf8)
                if ByteClass.isToken(byte) {
                    if name != Array("Hos".utf8) + [byte] || byte | 32 != 116 { #expect(try parse(line) != nil) }
                } else {
                    #expect(throws: HeadError.self, "byte \(byte)") { try parse(line) }
                }
            }
        }
    }

    @Test func `refuses every control byte in a value but the tab`() throws {
        for byte in everyByte {
            for before in ["", "a", "seven77", "0123456789abcdef", "0123456789abcdef-"] {
                let line = Array("X: \(before)".utf8) + [byte] + Array("z".utf8)
                if byte == 9 || byte >= 32 && byte != 127 {
                    #expect(try parse(line) != nil, "byte \(byte)")
                } else {
                    #expect(throws: HeadError.self, "byte \(byte)") { try parse(line) }
                }
            }
        }
    }

    @Test(arguments: [
        ("Name : x", HeadError.spaceBeforeColon), ("Name\t: x", .spaceBeforeColon), ("No colon", .spaceBeforeColon),
        ("NoColon", .badFieldName), (": x", .badFieldName), ("A@b: x", .badFieldName), ("A[]: x", .badFieldName),
        ("\"A\": x", .badFieldName), ("ä: x", .badFieldName), (" Folded: x", .lineFolding),
        ("\tFolded: x", .lineFolding),
        ("A: x\r\n folded", .lineFolding), ("A: x\r\n\t", .lineFolding), ("A:\r\n x", .lineFolding),
        ("A: x\nB: y", .bareLineFeed),
        ("A\nB: y", .bareLineFeed), ("A: x\rB: y", .bareCarriageReturn), ("A: x\r\r\nB: y", .bareCarriageReturn),
        ("A: x\n\r\nB: y", .bareLineFeed), ("A\rB: y", .badFieldName), ("A: x\u{0}", .badFieldValue),
        ("A: \u{b}x", .badFieldValue), ("A: x\u{7f}", .badFieldValue), ("A\r\nB: x", .badFieldName),
    ])
    func `refuses lines that two readers could read in two ways`(_ lines: String, _ reason: HeadError) {
        #expect(throws: reason) { try parse(lines) }
    }

    @Test(arguments: [
        "Content_Length: 5", "content.length: 5", "CONTENT!LENGTH: 5", "Transfer_Encoding: chunked",
        "transfer~encoding: x",
        "TRANSFER*ENCODING: chunked",
    ])
    func `refuses names that CGI takes for a framing field`(_ line: String) {
        #expect(throws: HeadError.lookalikeFramingField) { try parse(line) }
    }

    @Test(arguments: [
        ("X_Real_IP", FieldName.lookalike), ("x.forwarded_for", .lookalike), ("User_Agent", .lookalike),
        ("X-Real_IP", .lookalike), ("Set_Cookie", .lookalike), ("My_Own", .other), ("_", .other), ("Hos_", .other),
        ("X-Real-IP", .xRealIP), ("XRealIP", .other), ("X--Real-IP", .other),
    ])
    func `knows names that CGI takes for a known one`(_ name: String, _ known: FieldName) throws {
        let request = try #require(try parse("\(name): x"))
        #expect(request.head.fields[1].known == known)
    }

    @Test func `counts fields`() throws {
        var limits = HeadLimits()
        limits.fields = 3
        #expect(try parse("A: 1\r\nB: 2", limits: limits)?.head.fields.count == 3)
        #expect(throws: HeadError.tooManyFields) { try parse("A: 1\r\nB: 2\r\nC: 3", limits: limits) }
        #expect(HeadError.tooManyFields.status == 431)
    }

    // MARK: Trailers

    @Test func `reads trailers without those that frame, route or authenticate`() throws {
        let text =
            "Checksum: 1\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\nHost: b\r\nAuthorization: x\r\n"
            + "Cookie: a\r\nX-Forwarded-For: 1.2.3.4\r\nX_Real_IP: 1\r\nTrailer: x\r\nServer-Timing: 5\r\n\r\n"
        let (fields, count) = try #require(try parseTrailers(text + "GET /"))
        #expect(fields == ["Checksum=1", "Server-Timing=5"])
        #expect(count == text.utf8.count)
    }

    @Test func `knows an empty trailer section`() throws {
        #expect(try parseTrailers("\r\n")?.count == 2)
        #expect(try parseTrailers("") == nil)
        #expect(try parseTrailers("\r") == nil)
        #expect(try parseTrailers("A: b\r\n") == nil)
        #expect(try parseTrailers("A: b\r\n\r") == nil)
    }

    @Test(arguments: [
        "\n", "\rx", "A: b\n\r\n", " A: b\r\n\r\n", "A : b\r\n\r\n", "A\r\n\r\n", "A: b\r\n c\r\n\r\n",
        "A: \u{0}\r\n\r\n",
        "Content_Length: 5\r\n\r\n",
    ])
    func `refuses bad trailers`(_ text: String) {
        #expect(throws: HeadError.self) { try parseTrailers(text) }
    }

    @Test func `bounds trailers as heads`() {
        var limits = HeadLimits()
        limits.headBytes = 16
        #expect(throws: HeadError.headTooLarge) { try parseTrailers("A: 0123456789012345", limits: limits) }
    }
}
