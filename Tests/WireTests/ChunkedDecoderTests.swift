// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct ChunkedDecoderTests {
    private struct Decoded: Equatable {
        var data = ""
        /// Bytes through the last chunk; nil while it did not come.
        var end: Int?
    }

    /// Feeds the bytes `step` at a time, keeping what was not consumed, as a connection does.
    private func decode(_ text: String, step: Int = .max) throws(HeadError) -> Decoded {
        let bytes = Array(text.utf8)
        var decoder = ChunkedDecoder()
        var result = Decoded()
        var data: [UInt8] = []
        var start = 0
        var end = 0
        while end < bytes.count {
            end = min(bytes.count - end, step) + end
            feeding: while true {
                let part = bytes.span.extracting(start..<end)
                switch try decoder.next(part) {
                case .needMore(let consumed):
                    start += consumed
                    break feeding
                case .data(let range):
                    data.append(part.slice(range))
                    start += Int(range.end)
                case .lastChunk(let consumed):
                    result.end = start + consumed
                    result.data = String(decoding: data, as: UTF8.self)
                    return result
                }
            }
        }
        result.data = String(decoding: data, as: UTF8.self)
        return result
    }

    @Test(arguments: [
        ("5\r\nhello\r\n0\r\n", "hello"), ("5\r\nhello\r\n6\r\n world\r\n000\r\n", "hello world"), ("0\r\n", ""),
        ("0005\r\nhello\r\n0\r\n", "hello"), ("A\r\n0123456789\r\n0\r\n", "0123456789"),
        ("a\r\n0123456789\r\n0\r\n", "0123456789"),
        ("0000000000000001\r\nx\r\n0\r\n", "x"), ("2\r\n\r\n\r\n0\r\n", "\r\n"), ("3\r\n0\r\n\r\n0\r\n", "0\r\n"),
        ("5;a=b\r\nhello\r\n0;c\r\n", "hello"), ("5; some; parameters=stuff\r\nhello\r\n0\r\n", "hello"),
        ("5;\r\nhello\r\n0\r\n", "hello"),
        ("5;foo=\"bar baz\"\r\nhello\r\n0\r\n", "hello"), ("5;\t\u{e4}\r\nhello\r\n0\r\n", "hello"),
    ])
    func `takes bodies apart, in whatever pieces they come`(_ text: String, _ data: String) throws {
        let whole = try decode(text + "\r\nGET /")
        #expect(whole == Decoded(data: data, end: text.utf8.count))
        for step in 1...8 { #expect(try decode(text + "\r\nGET /", step: step) == whole, "by \(step)") }
    }

    @Test(arguments: [
        "\r\n", "\r\nhello", "g\r\n", "-5\r\nhello\r\n", "+5\r\nhello\r\n", "0x5\r\nhello\r\n", "5_0\r\n",
        "5h\r\nhello\r\n", " 5\r\nhello\r\n",
        "\t5\r\nhello\r\n", "5 \r\nhello\r\n", "5 ;a\r\nhello\r\n", "5\nhello\r\n", "5\r\rhello", "5\r\nhello\n",
        "5\r\nhello0\r\n",
        "5\r\nhelloo\r\n", "5\r\nhello\rx", "5\r\nhello\r\n\r\n0\r\n", "5;a\nhello\r\n", "5;a\rb\r\nhello\r\n",
        "5;\u{0}\r\nhello\r\n",
        "5;\u{7f}\r\nhello\r\n", "5,\r\nhello\r\n", "5\u{b}\r\nhello\r\n", ";a\r\n", "00000000000000005\r\nhello\r\n",
        "FFFFFFFFFFFFFFFF\r\n", "10000000000000000\r\n", "10000000001\r\n", "8000000000000000\r\n", "INVALID!!!\r\n",
        "{}",
    ])
    func `refuses chunks that two readers could read in two ways`(_ text: String) {
        #expect(throws: HeadError.badChunk) { try decode(text) }
        for step in 1...4 { #expect(throws: HeadError.badChunk, "by \(step)") { try decode(text, step: step) } }
    }

    @Test(arguments: [
        "", "5", "5\r", "5\r\n", "5\r\nhel", "5\r\nhello", "5\r\nhello\r", "5\r\nhello\r\n", "5\r\nhello\r\n0", "0\r",
        "5;ext",
    ])
    func `waits for the rest`(_ text: String) throws {
        #expect(try decode(text).end == nil)
        #expect(try decode(text, step: 1).end == nil)
    }

    @Test func `takes the largest chunk there may be`() throws {
        var decoder = ChunkedDecoder()
        let line = Array("10000000000\r\nxyz".utf8)
        #expect(try decoder.next(line.span) == .data(ByteRange(13, 16)))
    }

    @Test func `bounds the line of a chunk`() throws {
        let longest = "1;" + String(repeating: "x", count: Limits.chunkLineBytes - 2)
        #expect(try decode(longest + "\r\na\r\n0\r\n").data == "a")
        #expect(throws: HeadError.badChunk) { try decode(longest + "x\r\na\r\n0\r\n") }
        #expect(throws: HeadError.badChunk) { try decode(longest + "x") }
    }

    @Test func `bounds what extensions cost, and lets honest ones pass`() throws {
        let dribble = String(repeating: "1;" + String(repeating: "x", count: 98) + "\r\na\r\n", count: 1000)
        #expect(throws: HeadError.badChunk) { try decode(dribble) }
        #expect(throws: HeadError.badChunk) { try decode(dribble, step: 7) }
        // One byte a chunk without extensions, and a signature on chunks of some size, go on for ever.
        #expect(try decode(String(repeating: "1\r\na\r\n", count: 20_000) + "0\r\n").data.utf8.count == 20_000)
        let signed =
            "400;chunk-signature=" + String(repeating: "0", count: 64) + "\r\n" + String(repeating: "a", count: 1024)
            + "\r\n"
        #expect(try decode(String(repeating: signed, count: 1000)).data.utf8.count == 1_024_000)
    }

    @Test func `begins anew after a reset`() throws {
        var decoder = ChunkedDecoder()
        #expect(try decoder.next(Array("5\r\nhe".utf8).span) == .data(ByteRange(3, 5)))
        decoder.reset()
        #expect(try decoder.next(Array("0\r\n".utf8).span) == .lastChunk(consumed: 3))
        #expect(try decoder.next(Array("1\r\na".utf8).span) == .data(ByteRange(3, 4)))
    }
}
