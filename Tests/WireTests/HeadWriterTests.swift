// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct HeadWriterTests {
    private func written(_ body: (inout ByteBuffer) -> Void) -> String {
        var output = ByteBuffer()
        body(&output)
        return (0..<output.count).reduce(into: "") { $0.unicodeScalars.append(Unicode.Scalar(output.bytes[$1])) }
    }

    @Test(arguments: [
        ("GET /a?b HTTP/1.0", "GET /a?b HTTP/1.1\r\n"), ("GET http://a/b?c HTTP/1.1", "GET /b?c HTTP/1.1\r\n"),
        ("GET http://a HTTP/1.1", "GET / HTTP/1.1\r\n"), ("GET http://a?c HTTP/1.1", "GET /?c HTTP/1.1\r\n"),
        ("GET http://a/? HTTP/1.1", "GET /? HTTP/1.1\r\n"), ("OPTIONS * HTTP/1.1", "OPTIONS * HTTP/1.1\r\n"),
        ("OPTIONS http://a HTTP/1.1", "OPTIONS * HTTP/1.1\r\n"),
        ("OPTIONS http://a/ HTTP/1.1", "OPTIONS / HTTP/1.1\r\n"),
        ("PROPFIND //x/../y HTTP/1.1", "PROPFIND //x/../y HTTP/1.1\r\n"),
    ])
    func `asks an origin in the origin form`(_ line: String, _ expected: String) throws {
        let request = try #require(try ParsedRequest("\(line)\r\nHost: a\r\n\r\n"))
        let bytes = request.bytes
        #expect(written { HeadWriter.requestLine(request.head, bytes.span, to: &$0) } == expected)
    }

    @Test func `writes lines with one space and CRLF`() {
        let value = Array("a b".utf8)
        #expect(written { HeadWriter.field("Name", value.span, to: &$0) } == "Name: a b\r\n")
        #expect(written { HeadWriter.field(value.span, value.span, to: &$0) } == "a b: a b\r\n")
        #expect(written { HeadWriter.statusLine(404, to: &$0) } == "HTTP/1.1 404 Not Found\r\n")
        #expect(written { HeadWriter.statusLine(299, reason: value.span, to: &$0) } == "HTTP/1.1 299 a b\r\n")
    }

    @Test func `writes one framing field`() {
        #expect(written { HeadWriter.framing(.length(1234), to: &$0) } == "Content-Length: 1234\r\n")
        #expect(written { HeadWriter.framing(.length(0), to: &$0) } == "Content-Length: 0\r\n")
        #expect(written { HeadWriter.framing(.chunked, to: &$0) } == "Transfer-Encoding: chunked\r\n")
        #expect(written { HeadWriter.framing(.none, to: &$0) } == "")
        #expect(written { HeadWriter.framing(.untilClose, to: &$0) } == "")
    }

    @Test func `writes chunks that read the same`() throws {
        for count in [1, 9, 15, 16, 255, 256, 4095, 65_536, 1_048_577] {
            let data = [UInt8](repeating: 7, count: count)
            var output = ByteBuffer()
            HeadWriter.chunk(data.span, to: &output)
            HeadWriter.chunk(data.span.extracting(0..<0), to: &output)
            HeadWriter.lastChunk(trailers: [], data.span, to: &output)
            var decoder = ChunkedDecoder()
            guard case .data(let range) = try decoder.next(output.bytes) else {
                Issue.record("no data of \(count)")
                continue
            }
            let isSame = ByteSearch.equals(output.bytes.slice(range), data.span)
            #expect(range.count == count && isSame)
            output.consume(Int(range.end))
            #expect(try decoder.next(output.bytes) == .lastChunk(consumed: 5))
            #expect(output.count == 7)
        }
    }

    @Test func `writes trailers behind the last chunk`() {
        let bytes = Array("Checksum:1".utf8)
        let field = HeadField(name: ByteRange(0, 8), value: ByteRange(9, 10), known: .other)
        #expect(written { HeadWriter.lastChunk(trailers: [field], bytes.span, to: &$0) } == "0\r\nChecksum: 1\r\n\r\n")
    }

    @Test func `has a phrase for every status`() {
        for status in 100...599 { #expect(HeadWriter.reasonPhrase(status).utf8CodeUnitCount > 0) }
        #expect("\(HeadWriter.reasonPhrase(429))" == "Too Many Requests")
    }
}
