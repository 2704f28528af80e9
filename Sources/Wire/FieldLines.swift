// SPDX-License-Identifier: Apache-2.0

/// *( field-name ":" OWS field-value OWS CRLF ) CRLF (RFC 9112 §5): the lines that heads and trailer sections share. Stateless.
enum FieldLines {
    /// The offset behind the empty line, or nil when the bytes end before it.
    static func read(
        _ bytes: Span<UInt8>, from start: Int, limits: HeadLimits, into fields: inout [HeadField],
        _ presence: inout UInt64, _ repetition: inout UInt64
    ) throws(HeadError) -> Int? {
        var cursor = start
        var seen: UInt64 = 0
        var twice: UInt64 = 0
        while true {
            let colon = ByteScan.endOfName(bytes, from: cursor)
            if colon == bytes.count { return nil }
            if bytes[colon] != 58 || colon == cursor {
                if bytes[colon] != 13 || colon != cursor { throw complaint(bytes, cursor, colon) }
                if cursor + 1 == bytes.count { return nil }
                if bytes[cursor + 1] != 10 { throw .bareCarriageReturn }
                presence = seen
                repetition = twice
                return cursor + 2
            }
            if fields.count == limits.fields { throw .tooManyFields }
            let name = bytes.extracting(cursor..<colon)
            var known = FieldName.recognise(name)
            // A known name is a token; any other is looked at byte by byte.
            if known == .other { known = try examine(name) }

            var valueStart = colon + 1
            while valueStart < bytes.count && isBlank(bytes[valueStart]) { valueStart += 1 }
            let lineEnd = ByteScan.endOfValue(bytes, from: valueStart)
            if lineEnd == bytes.count { return nil }
            if bytes[lineEnd] != 13 { throw bytes[lineEnd] == 10 ? .bareLineFeed : .badFieldValue }
            if lineEnd + 1 == bytes.count { return nil }
            if bytes[lineEnd + 1] != 10 { throw .bareCarriageReturn }
            var valueEnd = lineEnd
            while valueEnd > valueStart && isBlank(bytes[valueEnd - 1]) { valueEnd -= 1 }

            let bit: UInt64 = 1 << UInt64(known.rawValue)
            twice |= seen & bit
            seen |= bit
            fields.append(
                HeadField(name: ByteRange(cursor, colon), value: ByteRange(valueStart, valueEnd), known: known))
            cursor = lineEnd + 2
        }
    }

    @inline(__always)
    private static func isBlank(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 }

    /// A name that is none of ours: a token, and no disguise of a framing field.
    @inline(never)
    private static func examine(_ name: Span<UInt8>) throws(HeadError) -> FieldName {
        var isPlain = true
        var index = 0
        while index < name.count {
            let byte = name[index]
            if !ByteClass.isToken(byte) { throw .badFieldName }
            if !ByteClass.isAlphanumeric(byte) && byte != 45 { isPlain = false }
            index += 1
        }
        if isPlain { return .other }
        switch FieldName.disguised(name) {
        case .contentLength, .transferEncoding: throw .lookalikeFramingField
        case .other: return .other
        default: return .lookalike
        }
    }

    /// What is wrong with a line whose name ends at `stop` without a colon, or at once.
    private static func complaint(_ bytes: Span<UInt8>, _ start: Int, _ stop: Int) -> HeadError {
        switch bytes[stop] {
        case 10: .bareLineFeed
        case 32, 9: stop == start ? .lineFolding : .spaceBeforeColon
        default: .badFieldName
        }
    }
}
