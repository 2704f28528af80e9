// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Wire

/// The readers of bodies: forms, JSON, multipart, cookies.
struct ContentReaderTests {
    private func pairs(_ values: NamedValues) -> [[String]] {
        values.entries.map {
            [
                String(decoding: values.arena[$0.name.bounds], as: UTF8.self),
                String(decoding: values.arena[$0.value.bounds], as: UTF8.self),
            ]
        }
    }

    private func form(_ text: String) -> [[String]] {
        var values = NamedValues()
        FormReader.read(Array(text.utf8).span, into: &values)
        return pairs(values)
    }

    private func json(_ text: String) throws -> [[String]] {
        var values = NamedValues()
        try JSONReader.read(Array(text.utf8).span, into: &values)
        return pairs(values)
    }

    @Test func `forms are decoded as applications decode them`() {
        #expect(
            form("a=1&b=x+y&c=%41%zz&d&=e&&a=2") == [
                ["a", "1"], ["b", "x y"], ["c", "A%zz"], ["d", ""], ["", "e"], ["a", "2"],
            ])
        #expect(form("") == [] && form("user%6eame=al%69ce") == [["username", "alice"]])
    }

    @Test func `too many names are said, not cut in silence`() {
        var values = NamedValues()
        FormReader.read(Array(String(repeating: "a=1&", count: ContentLimits.entries + 1).utf8).span, into: &values)
        #expect(values.isIncomplete && values.entries.count == ContentLimits.entries)
    }

    @Test func `JSON becomes dotted names`() throws {
        #expect(
            try json(#" {"user":{"name":"al\u0069ce","tags":["a",{"b":1.5e3}]},"ok":true,"no":null,"e":{},"l":[]} "#)
                == [
                    ["user.name", "alice"], ["user.tags.0", "a"], ["user.tags.1.b", "1.5e3"], ["ok", "true"],
                    ["no", ""],
                ])
        #expect(try json("\"x\"") == [["", "x"]])
        #expect(try json("[]") == [])
        #expect(try json("-0.5") == [["", "-0.5"]])
        #expect(try json(#"{"a":1,"a":2}"#) == [["a", "1"], ["a", "2"]])
        #expect(try json(#""\ud83d\ude00\ud83d""#) == [["", "\u{1F600}\u{FFFD}"]])
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\":1,}", "{a:1}", "01", "1.", "+1", ".5", "tru", "\"a", "\"\\x\"", "\"\u{1}\"", "[1 2]",
        "{\"a\" 1}", "1 2", "nul",
        "\"\\u12g4\"", "{\"a\":}", "]", "[", "1e", "--1", "\u{feff}1",
    ]) func `what is no JSON is refused`(text: String) {
        #expect(throws: ContentError.self) { try json(text) }
    }

    @Test func `JSON that is nested too deeply is refused`() throws {
        #expect(try json(String(repeating: "[", count: 32) + String(repeating: "]", count: 32)) == [])
        #expect(throws: ContentError.self) {
            try json(String(repeating: "[", count: 33) + String(repeating: "]", count: 33))
        }
    }

    @Test func `multipart parts have names, values and file names`() throws {
        let body =
            "preamble\r\n--B\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nalice\r\n--B\r\n"
            + "content-disposition: form-data; name=f; filename=\"a;b.txt\"\r\nContent-Type: text/plain\r\n\r\n--C not\r\nfile\r\n--B--\r\nepilogue"
        var values = NamedValues()
        try MultipartReader.read(Array(body.utf8).span, boundary: Array("B".utf8).span, into: &values)
        #expect(pairs(values) == [["user", "alice"], ["f", ""], ["f.filename", "a;b.txt"]])
        let type = Array("multipart/form-data; charset=x; BOUNDARY=\"a b\"".utf8)
        let found = MultipartReader.boundary(ofContentType: type.span)
        let range = try #require(found)
        #expect(String(decoding: type[range.bounds], as: UTF8.self) == "a b")
    }

    @Test(arguments: [
        "", "no boundary", "--B\r\nContent-Disposition: form-data; name=a\r\n\r\nx", "--B\r\n\r\nx\r\n--B--",
        "--B\r\nContent-Disposition: form-data; name=a\n\r\nx\r\n--B--", "--Bx\r\n",
        "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n--B not an end\r\n--B--",
    ]) func `what is no multipart is refused`(text: String) {
        var values = NamedValues()
        #expect(throws: ContentError.self) {
            try MultipartReader.read(Array(text.utf8).span, boundary: Array("B".utf8).span, into: &values)
        }
    }

    @Test func `cookies are pairs, with and without quotes and names`() {
        let text = Array(" a=1; b=\"x y\" ;;c; d=e=f".utf8)
        var from = 0
        var found: [[String]] = []
        while let pair = CookieReader.next(in: text.span, from: &from) {
            found.append([
                String(decoding: text[pair.name.bounds], as: UTF8.self),
                String(decoding: text[pair.value.bounds], as: UTF8.self),
            ])
        }
        #expect(found == [["a", "1"], ["b", "x y"], ["", "c"], ["d", "e=f"]])
    }

    @Test func `random bytes are refused or read, and never trap`() {
        var state: UInt64 = 42
        let alphabet = Array("{}[]\":,\\u0aeE+-.1tfn\r\n-B; name=".utf8)
        for _ in 0..<5_000 {
            let text = (0..<Int(state % 80)).map { _ -> UInt8 in
                state = state &* 6_364_136_223_846_793_005 &+ 1
                return alphabet[Int(state >> 33) % alphabet.count]
            }
            state = state &* 6_364_136_223_846_793_005 &+ 1
            var values = NamedValues()
            _ = try? JSONReader.read(text.span, into: &values)
            _ = try? MultipartReader.read(text.span, boundary: Array("B".utf8).span, into: &values)
            FormReader.read(text.span, into: &values)
            _ = try? ProxyProtocol.parse(text.span)
        }
    }
}
