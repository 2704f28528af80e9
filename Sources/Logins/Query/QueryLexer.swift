// SPDX-License-Identifier: Apache-2.0

/// Cuts a query into words, values and signs. Belongs to one parser.
struct QueryLexer {
    let bytes: [UInt8]
    var cursor = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    /// A value as it was typed, without its quotes and backslashes.
    struct Value {
        var letters: [TextPattern.Letter] = []
        var start = 0
        var isQuoted = false

        /// The bytes when no wildcard is among them.
        var plain: [UInt8]? {
            var out: [UInt8] = []
            for letter in letters {
                guard case .byte(let byte) = letter else { return nil }
                out.append(byte)
            }
            return out
        }
    }

    var next: UInt8? { cursor < bytes.count ? bytes[cursor] : nil }

    func problem(_ reason: String, at place: Int? = nil, hint: String? = nil) -> QueryProblem {
        let before = bytes[..<min(place ?? cursor, bytes.count)].count { $0 & 0xc0 != 0x80 }
        return QueryProblem(column: before + 1, reason: reason, hint: hint)
    }

    mutating func skipSpace() { while let byte = next, byte == 32 || (9...13).contains(byte) { cursor += 1 } }

    /// Takes a sign when it stands here.
    mutating func take(_ sign: Character) -> Bool {
        guard next == sign.asciiValue else { return false }
        cursor += 1
        return true
    }

    /// Takes a word when it stands here alone, in any case of letters.
    mutating func takeWord(_ word: String) -> Bool {
        let end = cursor + word.utf8.count
        guard end <= bytes.count, zip(bytes[cursor..<end], word.utf8).allSatisfy({ $0 | 32 == $1 | 32 }) else {
            return false
        }
        if end < bytes.count, QueryLexer.isName(bytes[end]) || bytes[end] == UInt8(ascii: ":") { return false }
        cursor = end
        return true
    }

    /// A name of a field or a word; empty when something else stands here.
    mutating func name() -> String {
        let start = cursor
        while let byte = next, QueryLexer.isName(byte) { cursor += 1 }
        return String(decoding: bytes[start..<cursor], as: UTF8.self)
    }

    private static func isName(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (97...122).contains(byte | 32) || byte == UInt8(ascii: ".")
            || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "@")
    }

    /// A value up to white space or what closes a list or a range. In quotes it may hold anything. `*` and `?` are wildcards, also in
    /// quotes; a backslash takes the meaning from what follows.
    mutating func value() throws(QueryProblem) -> Value {
        var value = Value(start: cursor)
        value.isQuoted = take("\"")
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                if !value.isQuoted {
                    throw problem("a quote in the middle of a value", hint: "put all of it in quotes")
                }
                cursor += 1
                return value
            case UInt8(ascii: "\\"):
                guard cursor + 1 < bytes.count else { throw problem("a backslash at the end") }
                value.letters.append(.byte(bytes[cursor + 1]))
                cursor += 2
                continue
            case UInt8(ascii: "*"): value.letters.append(.many)
            case UInt8(ascii: "?"): value.letters.append(.one)
            case 0..<32 where value.isQuoted: throw problem("a control character in a value")
            default:
                if !value.isQuoted && (byte <= 32 || ")]}|(".utf8.contains(byte)) { return value }
                value.letters.append(.byte(byte))
            }
            cursor += 1
        }
        if value.isQuoted { throw problem("a quote is not closed", at: value.start) }
        return value
    }
}
