// SPDX-License-Identifier: Apache-2.0

/// Reads JSON as RFC 8259 writes it into names and scalar values: "user.name", "list.0". No tree, no recursion, bounded depth and count.
/// A scalar at the top has the empty name; empty objects and arrays give no entry.
public enum JSONReader {
    public static func read(_ text: Span<UInt8>, into values: inout NamedValues) throws(ContentError) {
        var machine = Machine()
        try machine.run(text, into: &values)
    }

    private struct Level {
        var isObject: Bool
        /// Length of the path before this level's own part.
        var pathLength: Int
        var index: Int
    }

    private struct Machine {
        var cursor = 0
        var levels: [Level] = []
        var path: [UInt8] = []

        mutating func run(_ text: Span<UInt8>, into values: inout NamedValues) throws(ContentError) {
            skipSpace(text)
            try value(text, into: &values)
            while !levels.isEmpty { try next(text, into: &values) }
            skipSpace(text)
            if cursor < text.count { throw ContentError("text behind the JSON value", at: cursor) }
        }

        /// After a value: the comma and the next member, or the end of the level.
        private mutating func next(_ text: Span<UInt8>, into values: inout NamedValues) throws(ContentError) {
            skipSpace(text)
            guard cursor < text.count else { throw ContentError("JSON ends early", at: cursor) }
            let level = levels[levels.count - 1]
            let isFirst = level.index < 0
            if text[cursor] == (level.isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                cursor += 1
                path.removeLast(path.count - level.pathLength)
                levels.removeLast()
                return
            }
            if !isFirst {
                if text[cursor] != UInt8(ascii: ",") { throw ContentError("comma expected in JSON", at: cursor) }
                cursor += 1
                skipSpace(text)
            }
            levels[levels.count - 1].index += 1
            path.removeLast(path.count - level.pathLength)
            if !path.isEmpty { path.append(UInt8(ascii: ".")) }
            if level.isObject {
                guard cursor < text.count, text[cursor] == 34 else {
                    throw ContentError("name expected in JSON", at: cursor)
                }
                try JSONText.readString(text, &cursor, into: &path)
                skipSpace(text)
                guard cursor < text.count, text[cursor] == 58 else {
                    throw ContentError("colon expected in JSON", at: cursor)
                }
                cursor += 1
                skipSpace(text)
            } else {
                path.append(contentsOf: String(levels[levels.count - 1].index).utf8)
            }
            try value(text, into: &values)
        }

        private mutating func value(_ text: Span<UInt8>, into values: inout NamedValues) throws(ContentError) {
            guard cursor < text.count else { throw ContentError("JSON ends early", at: cursor) }
            switch text[cursor] {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                if levels.count == ContentLimits.jsonDepth {
                    throw ContentError("JSON is nested too deeply", at: cursor)
                }
                levels.append(Level(isObject: text[cursor] == UInt8(ascii: "{"), pathLength: path.count, index: -1))
                cursor += 1
            case 34:
                let (begin, middle) = beginEntry(&values)
                try JSONText.readString(text, &cursor, into: &values.arena)
                endEntry(&values, begin, middle, .string)
            case UInt8(ascii: "t"): try literal("true", .boolean, text, &values)
            case UInt8(ascii: "f"): try literal("false", .boolean, text, &values)
            case UInt8(ascii: "n"): try literal("null", .null, text, &values)
            default:
                let start = cursor
                try JSONText.skipNumber(text, &cursor)
                let (begin, middle) = beginEntry(&values)
                values.arena.append(text.extracting(start..<cursor))
                endEntry(&values, begin, middle, .number)
            }
        }

        private mutating func literal(
            _ word: StaticString, _ kind: NamedValues.Kind, _ text: Span<UInt8>, _ values: inout NamedValues
        ) throws(ContentError) {
            let count = word.utf8CodeUnitCount
            var matched = 0
            while matched < count && cursor + matched < text.count {
                if text[cursor + matched] != (unsafe word.utf8Start[matched]) { break }
                matched += 1
            }
            if matched < count { throw ContentError("unknown word in JSON", at: cursor) }
            cursor += count
            let (begin, middle) = beginEntry(&values)
            if kind != .null { values.arena.append(word) }
            endEntry(&values, begin, middle, kind)
        }

        private func beginEntry(_ values: inout NamedValues) -> (begin: Int, middle: Int) {
            let begin = values.arena.count
            values.arena.append(path.span)
            return (begin, values.arena.count)
        }

        private func endEntry(_ values: inout NamedValues, _ begin: Int, _ middle: Int, _ kind: NamedValues.Kind) {
            if values.entries.count == ContentLimits.entries {
                values.isIncomplete = true
                values.arena.removeLast(values.arena.count - begin)
                return
            }
            values.entries.append(
                NamedValues.Entry(
                    name: ByteRange(begin, middle), value: ByteRange(middle, values.arena.count), kind: kind))
        }

        private mutating func skipSpace(_ text: Span<UInt8>) {
            while cursor < text.count {
                switch text[cursor] {
                case 32, 9, 10, 13: cursor += 1
                default: return
                }
            }
        }
    }
}
