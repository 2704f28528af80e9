// SPDX-License-Identifier: Apache-2.0

import Wire

/// A request head with its bytes, parsed in one piece. For tests, which want to see text.
final class ParsedRequest {
    let bytes: [UInt8]
    private(set) var head: RequestHead

    /// nil: incomplete.
    init?(_ bytes: [UInt8], limits: HeadLimits = HeadLimits()) throws(HeadError) {
        var head = RequestHead()
        var progress = HeadProgress()
        if try !HeadParser.parseRequest(bytes.span, limits: limits, progress: &progress, into: &head) { return nil }
        self.bytes = bytes
        self.head = head
    }

    convenience init?(_ text: String, limits: HeadLimits = HeadLimits()) throws(HeadError) {
        try self.init(Array(text.utf8), limits: limits)
    }

    /// Index of the first field of this name in lower case.
    func first(named name: String) -> Int? {
        let bytes = bytes
        return head.first(named: Array(name.utf8).span, in: bytes.span)
    }

    func reset() { head.reset() }

    func text(_ range: ByteRange) -> String { String(decoding: bytes[range.bounds], as: UTF8.self) }

    var fields: [String] { head.fields.map { "\(text($0.name))=\(text($0.value))" } }

    func framing() throws(HeadError) -> BodyFraming {
        let bytes = bytes
        return try BodyFraming.request(head, bytes.span)
    }
}

/// A response head with its bytes, parsed in one piece.
final class ParsedResponse {
    let bytes: [UInt8]
    private(set) var head: ResponseHead

    init?(_ bytes: [UInt8], limits: HeadLimits = HeadLimits()) throws(HeadError) {
        var head = ResponseHead()
        var progress = HeadProgress()
        if try !HeadParser.parseResponse(bytes.span, limits: limits, progress: &progress, into: &head) { return nil }
        self.bytes = bytes
        self.head = head
    }

    convenience init?(_ text: String, limits: HeadLimits = HeadLimits()) throws(HeadError) {
        try self.init(Array(text.utf8), limits: limits)
    }

    /// Index of the first field of this name in lower case.
    func first(named name: String) -> Int? {
        let bytes = bytes
        return head.first(named: Array(name.utf8).span, in: bytes.span)
    }

    func reset() { head.reset() }

    func text(_ range: ByteRange) -> String { String(decoding: bytes[range.bounds], as: UTF8.self) }

    var fields: [String] { head.fields.map { "\(text($0.name))=\(text($0.value))" } }

    func framing(to method: HTTPMethod = .get) throws(HeadError) -> BodyFraming {
        let bytes = bytes
        return try BodyFraming.response(head, bytes.span, to: method)
    }
}

/// Trailer fields as text, and the bytes they took; nil: incomplete.
func parseTrailers(_ text: String, limits: HeadLimits = HeadLimits()) throws(HeadError) -> (
    fields: [String], count: Int
)? {
    let bytes = Array(text.utf8)
    var fields: [HeadField] = []
    var progress = HeadProgress()
    let count = try HeadParser.parseTrailers(bytes.span, limits: limits, progress: &progress, into: &fields)
    guard let count else { return nil }
    let texts = fields.map { field in
        [field.name, field.value].map { String(decoding: bytes[$0.bounds], as: UTF8.self) }.joined(separator: "=")
    }
    return (texts, count)
}

/// Every byte value, for tables of what may stand where.
let everyByte: [UInt8] = Array(0...255)

// `#expect` cannot take apart a call whose arguments are spans.

extension ByteSearch {
    static func equals(_ left: [UInt8], _ right: [UInt8]) -> Bool { equals(left.span, right.span) }
    static func equalsIgnoringCase(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        equalsIgnoringCase(left.span, right.span)
    }
    static func hasPrefixIgnoringCase(_ text: [UInt8], _ prefix: [UInt8]) -> Bool {
        hasPrefixIgnoringCase(text.span, prefix.span)
    }
    static func containsToken(_ list: [UInt8], _ token: [UInt8]) -> Bool { containsToken(list.span, token.span) }
    static func isTokenList(_ list: [UInt8]) -> Bool { isTokenList(list.span) }
    static func namesSameVariable(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        namesSameVariable(left.span, right.span)
    }
}

extension ByteScan {
    static func equals(_ bytes: [UInt8], _ text: StaticString) -> Bool { equals(bytes.span, text) }
    static func equalsFolding(_ bytes: [UInt8], _ text: StaticString) -> Bool { equalsFolding(bytes.span, text) }
}
