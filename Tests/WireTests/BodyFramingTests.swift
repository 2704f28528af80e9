// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct BodyFramingTests {
    private func request(_ lines: String, method: String = "POST", version: String = "1.1") throws -> BodyFraming {
        let head = try ParsedRequest("\(method) / HTTP/\(version)\r\nHost: a\r\n\(lines)\r\n")
        return try #require(head).framing()
    }

    private func response(_ lines: String, status: Int = 200, to method: HTTPMethod = .get, version: String = "1.1")
        throws
        -> BodyFraming
    {
        try #require(try ParsedResponse("HTTP/\(version) \(status) x\r\n\(lines)\r\n")).framing(to: method)
    }

    @Test func `measures requests`() throws {
        #expect(try request("") == .none)
        #expect(try request("Content-Length: 0\r\n") == .none)
        #expect(try request("Content-Length: 5\r\n") == .length(5))
        #expect(try request("content-length:\t007 \r\n", method: "GET") == .length(7))
        #expect(try request("Content-Length: 1099511627776\r\n") == .length(Limits.bodyBytes))
        #expect(try request("Content-Length: 5\r\n", version: "1.0") == .length(5))
        #expect(try request("Transfer-Encoding: chunked\r\n") == .chunked)
        #expect(try request("TRANSFER-ENCODING: \tChUnKeD\t\r\n", method: "GET") == .chunked)
    }

    @Test(arguments: [
        "", "-1", "+1", "-0", "0x10", "1e3", "1_0", "5,", "5, 5", "5;", "5 5", "1.0", "abc", "५", "\"5\"",
        "1099511627777",
        "18446744073709551616", "18446744073709551621", "99999999999999999999999999", "5\u{a0}", "%d",
    ])
    func `refuses lengths that are no plain number`(_ value: String) {
        #expect(throws: HeadError.badLength) { try request("Content-Length: \(value)\r\n") }
        #expect(throws: HeadError.badLength) { try response("Content-Length: \(value)\r\n") }
    }

    @Test func `refuses two lengths, even the same`() {
        for pair in [("5", "5"), ("5", "6"), ("0", "5"), ("", "5")] {
            #expect(throws: HeadError.twoLengths) {
                try request("Content-Length: \(pair.0)\r\nX: y\r\ncontent-length: \(pair.1)\r\n")
            }
        }
    }

    @Test(arguments: [
        "chunked, chunked", "chunked, gzip", "gzip, chunked", "identity, chunked", "chunked;q=1", ", chunked",
        "chunked,", "",
        ",", "\"chunked\"", "chun ked", "chunked\u{a0}", "\u{a0}chunked", "xchunked, chunked",
    ])
    func `refuses codings that two readers could read in two ways`(_ value: String) {
        #expect(throws: HeadError.badTransferEncoding) { try request("Transfer-Encoding: \(value)\r\n") }
        #expect(throws: HeadError.badTransferEncoding) { try response("Transfer-Encoding: \(value)\r\n") }
    }

    @Test(arguments: ["gzip", "identity", "x", "gzip, deflate", "chunkedchunked", "chunked123", "xchunked"])
    func `says of other codings that it does not have them`(_ value: String) {
        #expect(throws: HeadError.unsupportedTransferEncoding) { try request("Transfer-Encoding: \(value)\r\n") }
        #expect(HeadError.unsupportedTransferEncoding.status == 501)
    }

    @Test func `refuses two framings at once`() {
        for lines in [
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: x\r\nContent-Length: 5\r\n",
        ] {
            #expect(throws: HeadError.lengthWithTransferEncoding) { try request(lines) }
            #expect(throws: HeadError.lengthWithTransferEncoding) { try response(lines) }
            #expect(throws: HeadError.lengthWithTransferEncoding) { try response(lines, to: .head) }
        }
        #expect(throws: HeadError.badTransferEncoding) {
            try request("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")
        }
        #expect(throws: HeadError.badTransferEncoding) {
            try response("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n")
        }
    }

    @Test func `refuses transfer codings in HTTP 1_0`() {
        #expect(throws: HeadError.transferEncodingInHTTP10) {
            try request("Transfer-Encoding: chunked\r\n", version: "1.0")
        }
        #expect(throws: HeadError.transferEncodingInHTTP10) {
            try response("Transfer-Encoding: chunked\r\n", version: "1.0")
        }
    }

    @Test func `refuses a body in TRACE`() throws {
        #expect(throws: HeadError.bodyInTrace) { try request("Content-Length: 1\r\n", method: "TRACE") }
        #expect(throws: HeadError.bodyInTrace) { try request("Transfer-Encoding: chunked\r\n", method: "TRACE") }
        #expect(try request("Content-Length: 0\r\n", method: "TRACE") == .none)
    }

    @Test func `measures responses`() throws {
        #expect(try response("") == .untilClose)
        #expect(try response("", version: "1.0") == .untilClose)
        #expect(try response("Content-Length: 0\r\n") == .length(0))
        #expect(try response("Content-Length: 12\r\n", status: 500) == .length(12))
        #expect(try response("Transfer-Encoding: chunked\r\n") == .chunked)
    }

    @Test func `knows responses that have no body`() throws {
        let lines = "Content-Length: 12\r\n"
        for status in [100, 101, 103, 199, 204, 304] { #expect(try response(lines, status: status) == .none) }
        #expect(try response(lines, to: .head) == .none)
        #expect(try response("", to: .head) == .none)
        #expect(try response("Transfer-Encoding: chunked\r\n", status: 304) == .none)
        #expect(try response(lines, status: 205) == .length(12))
        #expect(try response(lines, to: .options) == .length(12))
    }

    @Test func `takes a response that says one length twice, not one that says two`() throws {
        #expect(try response("Content-Length: 5\r\nContent-Length: 05\r\n") == .length(5))
        #expect(throws: HeadError.twoLengths) { try response("Content-Length: 5\r\nContent-Length: 6\r\n") }
        #expect(throws: HeadError.twoLengths) { try response("Content-Length: 5\r\nContent-Length: 6\r\n", to: .head) }
        #expect(throws: HeadError.badLength) { try response("Content-Length: 5\r\nContent-Length: x\r\n") }
    }
}
