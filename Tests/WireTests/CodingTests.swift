// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Wire

/// Codings, digests, times and prefaces.
struct CodingTests {
    private func text(_ write: (inout [UInt8]) -> Void) -> String {
        var out: [UInt8] = []
        write(&out)
        return String(decoding: out, as: UTF8.self)
    }

    private func inflate(_ bytes: [UInt8], _ coding: ContentCoding, limit: Int = 1_000) throws -> (
        text: String, whole: Bool
    ) {
        var out: [UInt8] = []
        let whole = try Inflater().inflate(bytes.span, encoding: coding, limit: limit, into: &out)
        return (String(decoding: out, as: UTF8.self), whole)
    }

    /// "hello hello hello\n" in the three wrappings.
    private let raw: [UInt8] = [0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8, 0x40, 0x90, 0x5c, 0x00]
    private let zlib: [UInt8] = [
        0x78, 0xda, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8, 0x40, 0x90, 0x5c, 0x00, 0x40, 0xb5, 0x06, 0x87,
    ]
    private let gzip: [UInt8] = [
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8, 0x40,
        0x90, 0x5c, 0x00, 0x3b, 0x7c, 0x8a, 0xdf, 0x12, 0x00, 0x00, 0x00,
    ]

    @Test func `deflate is read with and without its wrapper`() throws {
        #expect(try inflate(raw, .deflate).text == "hello hello hello\n")
        #expect(try inflate(zlib, .deflate).text == "hello hello hello\n")
        #expect(try inflate(gzip, .gzip).text == "hello hello hello\n")
        #expect(try inflate(gzip + gzip, .gzip).text == "hello hello hello\nhello hello hello\n")
    }

    @Test func `broken, cut and trailing data is refused`() {
        #expect(throws: ContentError.self) { try inflate(Array(raw.dropLast(3)), .deflate) }
        #expect(throws: ContentError.self) { try inflate(raw + [1, 2, 3], .deflate) }
        #expect(throws: ContentError.self) { try inflate(gzip + [1], .gzip) }
        #expect(throws: ContentError.self) { try inflate([1, 2, 3, 4], .gzip) }
        #expect(throws: ContentError.self) { try inflate([], .gzip) }
    }

    @Test func `the limit stops a bomb`() throws {
        let result = try inflate(raw, .deflate, limit: 5)
        #expect(result.text == "hello" && !result.whole)
        #expect(try inflate(raw, .deflate, limit: 18).whole)
    }

    @Test func `Base64 is read in both alphabets, and nothing else is`() {
        func decode(_ text: String) -> String? {
            var out: [UInt8] = []
            return Base64.decode(Array(text.utf8).span, into: &out) ? String(decoding: out, as: UTF8.self) : nil
        }
        #expect(
            decode("YWxpY2U6cGFzcw==") == "alice:pass" && decode("YWxpY2U6cGFzcw") == "alice:pass" && decode("") == "")
        #expect(decode("Pz8_") == "???" && decode("Pz8/") == "???")
        #expect(decode("a") == nil && decode("a b=") == nil && decode("YQ==\n") == nil)
    }

    @Test func `ULIDs grow, also within a millisecond and when the clock goes back`() {
        var generator = ULID.Generator(seed: (1, 2))
        var last = ""
        for step in 0..<5_000 {
            let next = text {
                generator.next(unixMilliseconds: UInt64(1_795_521_600_000 + (step < 2_500 ? step / 100 : 0)), to: &$0)
            }
            #expect(next.count == 26 && next > last)
            last = next
        }
        #expect(last.hasPrefix("01M86"))
    }

    @Test(
        arguments: [
            ("2026-11-24T12:00:00Z", 1_795_521_600), ("2026-11-24T12:00:00.5+02:00", 1_795_514_400),
            ("1970-01-01t00:00:00z", 0),
            ("2000-02-29T23:59:59-00:30", 951_870_599),
        ] as [(String, Int64)]) func `RFC 3339 times are read`(text: String, seconds: Int64)
    {
        #expect(Timestamp.parse(Array(text.utf8).span) == seconds)
    }

    @Test(arguments: [
        "", "2026-11-24", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-11-24T24:00:00Z", "2026-11-24T12:00:00",
        "2026-11-24T12:00:00.Z",
        "2026-11-24T12:00:00+2", "2026-11-24 12:00:00Z", "2026-11-24T12:00:00ZZ",
    ]) func `what is no time is refused`(text: String) { #expect(Timestamp.parse(Array(text.utf8).span) == nil) }

    @Test func `times are written with microseconds`() {
        #expect(
            text { Timestamp.write(unixNanoseconds: 951_868_799_000_001_999, to: &$0) } == "2000-02-29T23:59:59.000001Z"
        )
    }

    @Test func `a PROXY line names the source`() throws {
        func parse(_ line: String) throws -> ProxyProtocol.Result { try ProxyProtocol.parse(Array(line.utf8).span) }
        let source = PeerEndpoint(address: try #require(IPAddress("203.0.113.9")), port: 4711)
        #expect(try parse("PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r\nGET") == .header(consumed: 43, source: source))
        #expect(try parse("PROXY UNKNOWN\r\n") == .header(consumed: 15, source: nil))
        #expect(try parse("PROXY TCP4 203.0.113.9") == .incomplete)
        for bad in [
            "GET / HTTP/1.1\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n", "PROXY TCP4 ::1 ::1 1 2\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 1 99999\r\n",
            "PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n",
            "PROXY " + String(repeating: "x", count: 200),
        ] { #expect(throws: ContentError.self, "\(bad)") { try parse(bad) } }
    }

    @Test func `a PROXY v2 header names the source, LOCAL does not`() throws {
        let start: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]
        let v4: [UInt8] = start + [0x21, 0x11, 0, 12, 203, 0, 113, 9, 192, 0, 2, 1, 0x12, 0x67, 1, 0xbb]
        #expect(
            try ProxyProtocol.parse((v4 + [71]).span)
                == .header(
                    consumed: 28, source: PeerEndpoint(address: try #require(IPAddress("203.0.113.9")), port: 4711)))
        #expect(try ProxyProtocol.parse((start + [0x20, 0, 0, 0]).span) == .header(consumed: 16, source: nil))
        #expect(try ProxyProtocol.parse(Array(v4.dropLast()).span) == .incomplete)
        #expect(throws: ContentError.self) { try ProxyProtocol.parse((start + [0x11, 0x11, 0, 0]).span) }
        #expect(throws: ContentError.self) { try ProxyProtocol.parse((start + [0x21, 0x11, 0, 4, 1, 2, 3, 4]).span) }
        for length in 1..<16 { #expect(ProxyProtocol.missingBytes(Array(v4.prefix(length)).span) <= 28 - length) }
    }

    @Test(arguments: [
        ("1.2.3.4", "1.2.3.4"), ("1.2.3.4:80", "1.2.3.4"), ("[2001:db8::1]:80", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("\"[2001:db8::1]:80\"", "2001:db8::1"), ("::ffff:1.2.3.4", "1.2.3.4"), ("unknown", ""), ("_hidden", ""),
        ("1.2.3.4:x", ""),
        ("1.2.3.4:", ""), ("[::1", ""), ("", ""), ("[1.2.3.4]x", ""), ("1.2.3.4:1234567", ""),
    ]) func `elements of forwarding headers are addresses or nothing`(element: String, expected: String) {
        #expect((ForwardedAddress.address(Array(element.utf8).span)?.description ?? "") == expected)
    }
}
