// SPDX-License-Identifier: Apache-2.0
import Wire

/// Reads a whole JSON file (RFC 8259) into nodes with places: rulesets of megabytes, for which a YAML reader is too slow. Bounded in depth.
struct JSONDocument {
    private static let depthLimit = 64

    private let bytes: [UInt8]
    private let file: String
    private let context: ReadingContext
    private var cursor = 0
    private var line = 1
    private var lineStart = 0

    private init(_ bytes: [UInt8], _ file: String, _ context: ReadingContext) {
        self.bytes = bytes
        self.file = file
        self.context = context
    }

    /// nil, and a problem, when it is no JSON.
    static func parse(_ bytes: [UInt8], file: String, _ context: ReadingContext) -> DocumentNode? {
        var document = JSONDocument(bytes, file, context)
        do throws(ContentError) {
            document.skipSpace()
            let node = try document.value(depth: 0)
            document.skipSpace()
            if document.cursor < bytes.count { throw ContentError("text behind the JSON value", at: document.cursor) }
            return node
        } catch {
            let before = bytes[..<min(error.offset, bytes.count)]
            let line = before.count { $0 == 10 } + 1
            let column = before.count - (before.lastIndex(of: 10).map { $0 + 1 } ?? 0) + 1
            context.report(Place(file: file, line: line, column: column), "\(error.reason)")
            return nil
        }
    }

    private var place: Place { Place(file: file, line: line, column: cursor - lineStart + 1) }

    private mutating func value(depth: Int) throws(ContentError) -> DocumentNode {
        if depth > JSONDocument.depthLimit { throw ContentError("JSON is nested too deeply", at: cursor) }
        guard cursor < bytes.count else { throw ContentError("JSON ends early", at: cursor) }
        let start = place
        switch bytes[cursor] {
        case UInt8(ascii: "{"): return DocumentNode(.object(try object(depth)), start)
        case UInt8(ascii: "["): return DocumentNode(.list(try list(depth)), start)
        case UInt8(ascii: "\""): return DocumentNode(.string(try string()), start)
        case UInt8(ascii: "t"):
            try word("true")
            return DocumentNode(.boolean(true), start)
        case UInt8(ascii: "f"):
            try word("false")
            return DocumentNode(.boolean(false), start)
        case UInt8(ascii: "n"):
            try word("null")
            return DocumentNode(.null, start)
        default:
            let first = cursor
            var behind = cursor
            try JSONText.skipNumber(bytes.span, &behind)
            cursor = behind
            return DocumentNode(.number(String(decoding: bytes[first..<cursor], as: UTF8.self)), start)
        }
    }

    private mutating func object(_ depth: Int) throws(ContentError) -> [DocumentNode.Member] {
        var members: [DocumentNode.Member] = []
        var known: Set<String> = []
        cursor += 1
        skipSpace()
        if try end(UInt8(ascii: "}")) { return members }
        while true {
            let start = place
            guard cursor < bytes.count, bytes[cursor] == 34 else {
                throw ContentError("name expected in JSON", at: cursor)
            }
            let key = try string()
            if !known.insert(key).inserted { context.report(start, "key \"\(key)\" stands twice in one object") }
            skipSpace()
            try expect(UInt8(ascii: ":"), "colon expected in JSON")
            skipSpace()
            members.append(DocumentNode.Member(key: key, place: start, value: try value(depth: depth + 1)))
            skipSpace()
            if try end(UInt8(ascii: "}")) { return members }
            try expect(UInt8(ascii: ","), "comma expected in JSON")
            skipSpace()
        }
    }

    private mutating func list(_ depth: Int) throws(ContentError) -> [DocumentNode] {
        var list: [DocumentNode] = []
        cursor += 1
        skipSpace()
        if try end(UInt8(ascii: "]")) { return list }
        while true {
            list.append(try value(depth: depth + 1))
            skipSpace()
            if try end(UInt8(ascii: "]")) { return list }
            try expect(UInt8(ascii: ","), "comma expected in JSON")
            skipSpace()
        }
    }

    private mutating func string() throws(ContentError) -> String {
        var text: [UInt8] = []
        var behind = cursor
        try JSONText.readString(bytes.span, &behind, into: &text)
        cursor = behind
        return String(decoding: text, as: UTF8.self)
    }

    private mutating func word(_ word: String) throws(ContentError) {
        let text = Array(word.utf8)
        guard bytes[cursor...].starts(with: text) else { throw ContentError("unknown word in JSON", at: cursor) }
        cursor += text.count
    }

    private mutating func end(_ bracket: UInt8) throws(ContentError) -> Bool {
        guard cursor < bytes.count else { throw ContentError("JSON ends early", at: cursor) }
        if bytes[cursor] != bracket { return false }
        cursor += 1
        return true
    }

    private mutating func expect(_ byte: UInt8, _ reason: StaticString) throws(ContentError) {
        guard cursor < bytes.count, bytes[cursor] == byte else { throw ContentError(reason, at: cursor) }
        cursor += 1
    }

    private mutating func skipSpace() {
        while cursor < bytes.count {
            switch bytes[cursor] {
            case 32, 9, 13: cursor += 1
            case 10:
                cursor += 1
                line += 1
                lineStart = cursor
            default: return
            }
        }
    }
}
