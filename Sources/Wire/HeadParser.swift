// SPDX-License-Identifier: Apache-2.0

/// How far the search for the end of a head came, so that a head that drips in byte by byte is searched once. Kept by the connection.
package struct HeadProgress: Sendable {
    fileprivate var searched = 0

    package init() {}

    package mutating func reset() { searched = 0 }
}

/// Reads request heads, response heads and trailer sections as RFC 9112 writes them, without its leniencies: what two readers could
/// read in two ways is refused. One pass for the end, one for the parts; no allocation beyond the reused field array.
package enum HeadParser {
    /// False: incomplete, read more. True: `head.length` bytes are the head; ranges are offsets into `bytes`.
    package static func parseRequest(
        _ bytes: Span<UInt8>, limits: HeadLimits, progress: inout HeadProgress, into head: inout RequestHead
    ) throws(HeadError) -> Bool {
        // One empty line before the request line is forgiven (RFC 9112 §2.2); two are somebody's game.
        var start = 0
        if bytes.count > 0 && bytes[0] == 13 {
            if bytes.count == 1 { return false }
            if bytes[1] != 10 { throw .bareCarriageReturn }
            start = 2
        }
        guard let end = try findEnd(bytes, from: start, limits: limits, progress: &progress) else {
            try checkPartialRequest(bytes, from: start, limits: limits)
            return false
        }
        head.reset()
        head.length = end
        var cursor = start
        try RequestLine.parse(bytes, &cursor, limits: limits, into: &head)
        head.presence = try readFields(bytes, from: cursor, limits: limits, into: &head.fields)
        try RequestTarget.resolve(bytes, &head)
        return true
    }

    /// As `parseRequest`, for a status line.
    package static func parseResponse(
        _ bytes: Span<UInt8>, limits: HeadLimits, progress: inout HeadProgress, into head: inout ResponseHead
    ) throws(HeadError) -> Bool {
        guard let end = try findEnd(bytes, from: 0, limits: limits, progress: &progress) else {
            if bytes.count > 5 && !isHTTPName(bytes) { throw .badStatusLine }
            return false
        }
        head.reset()
        head.length = end
        var cursor = 0
        try parseStatusLine(bytes, &cursor, into: &head)
        head.presence = try readFields(bytes, from: cursor, limits: limits, into: &head.fields)
        return true
    }

    /// The trailer section behind the last chunk. nil: incomplete; else its bytes with the closing empty line. Fields that frame,
    /// route or authenticate have no business there (RFC 9110 §6.5.1) and are left out.
    package static func parseTrailers(
        _ bytes: Span<UInt8>, limits: HeadLimits, progress: inout HeadProgress, into fields: inout [HeadField]
    ) throws(HeadError) -> Int? {
        fields.removeAll(keepingCapacity: true)
        if bytes.count == 0 { return nil }
        if bytes[0] == 10 { throw .bareLineFeed }
        if bytes[0] == 13 {
            if bytes.count == 1 { return nil }
            if bytes[1] != 10 { throw .bareCarriageReturn }
            return 2
        }
        guard let end = try findEnd(bytes, from: 0, limits: limits, progress: &progress) else { return nil }
        _ = try readFields(bytes, from: 0, limits: limits, into: &fields)
        fields.removeAll { !$0.known.mayBeTrailer }
        return end
    }

    /// The offset behind the empty line that ends a head, or nil. Bare CR and LF are refused where they stand.
    private static func findEnd(
        _ bytes: Span<UInt8>, from start: Int, limits: HeadLimits, progress: inout HeadProgress
    ) throws(HeadError) -> Int? {
        var index = max(progress.searched, start)
        let count = min(bytes.count, limits.headBytes)
        while index < count {
            if bytes[index] == 10 {
                if index == start || bytes[index - 1] != 13 { throw .bareLineFeed }
                if index >= start + 3 && bytes[index - 2] == 10 { return index + 1 }
                if index == start + 1 { throw .badRequestLine }
            }
            index += 1
        }
        if bytes.count >= limits.headBytes { throw .headTooLarge }
        progress.searched = index
        return nil
    }

    /// A first byte that begins no method, or a line without end, is refused before the head is complete.
    private static func checkPartialRequest(_ bytes: Span<UInt8>, from start: Int, limits: HeadLimits) throws(HeadError)
    {
        if start < bytes.count && !ByteClass.isToken(bytes[start]) { throw .badMethod }
    }

    private static func isHTTPName(_ bytes: Span<UInt8>) -> Bool {
        bytes[0] == 72 && bytes[1] == 84 && bytes[2] == 84 && bytes[3] == 80 && bytes[4] == 47
    }

    /// "HTTP/1.1 SP 3DIGIT SP reason CRLF"; the space before an empty reason may be missing, as many servers leave it out.
    private static func parseStatusLine(
        _ bytes: Span<UInt8>, _ cursor: inout Int, into head: inout ResponseHead
    ) throws(HeadError) {
        if bytes.count < 14 || !isHTTPName(bytes) || bytes[6] != 46 || bytes[8] != 32 { throw .badStatusLine }
        if bytes[5] != 49 { throw .unsupportedVersion }
        switch bytes[7] {
        case 48: head.version = .http10
        case 49: head.version = .http11
        default: throw .unsupportedVersion
        }
        var status = 0
        for place in 9..<12 {
            let digit = bytes[place]
            if digit < 48 || digit > 57 { throw .badStatus }
            status = status * 10 + Int(digit - 48)
        }
        if status < 100 || status > 599 { throw .badStatus }
        head.status = status
        var end = 12
        if bytes[end] == 32 {
            end += 1
            let begin = end
            while bytes[end] != 13 {
                if !ByteClass.isFieldValue(bytes[end]) { throw .badStatusLine }
                end += 1
            }
            head.reason = ByteRange(begin, end)
        } else {
            head.reason = .empty
        }
        if bytes[end] != 13 || bytes[end + 1] != 10 { throw .badStatusLine }
        cursor = end + 2
    }

    /// Field lines up to the empty line. The end of the head is known to be there, so no index runs out.
    private static func readFields(
        _ bytes: Span<UInt8>, from start: Int, limits: HeadLimits, into fields: inout [HeadField]
    ) throws(HeadError) -> UInt64 {
        var cursor = start
        var presence: UInt64 = 0
        while bytes[cursor] != 13 {
            if bytes[cursor] == 32 || bytes[cursor] == 9 { throw .lineFolding }
            if fields.count == limits.fields { throw .tooManyFields }
            let nameStart = cursor
            while ByteClass.isToken(bytes[cursor]) { cursor += 1 }
            if bytes[cursor] != 58 {
                throw bytes[cursor] == 32 || bytes[cursor] == 9 ? .spaceBeforeColon : .badFieldName
            }
            if cursor == nameStart { throw .badFieldName }
            let name = ByteRange(nameStart, cursor)
            cursor += 1
            while bytes[cursor] == 32 || bytes[cursor] == 9 { cursor += 1 }
            let valueStart = cursor
            while ByteClass.isFieldValue(bytes[cursor]) { cursor += 1 }
            if bytes[cursor] != 13 { throw .badFieldValue }
            if bytes[cursor + 1] != 10 { throw .bareCarriageReturn }
            var valueEnd = cursor
            while valueEnd > valueStart && (bytes[valueEnd - 1] == 32 || bytes[valueEnd - 1] == 9) { valueEnd -= 1 }
            let known = FieldName.recognise(bytes.slice(name))
            if known == .other && FieldName.looksLikeFraming(bytes.slice(name)) { throw .lookalikeFramingField }
            presence |= 1 << UInt64(known.rawValue)
            fields.append(HeadField(name: name, value: ByteRange(valueStart, valueEnd), known: known))
            cursor += 2
        }
        if bytes[cursor + 1] != 10 { throw .bareCarriageReturn }
        return presence
    }
}
