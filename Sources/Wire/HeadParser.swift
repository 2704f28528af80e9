// SPDX-License-Identifier: Apache-2.0

/// Reads request heads, response heads and trailer sections as RFC 9112 writes them, without its leniencies: what two readers
/// could read in two ways is refused. Stateless; each function gives the first violation in the order of the bytes, so that the
/// answer does not depend on the pieces in which they came.
/// Complexity: one pass over a head that came in one piece; no allocation.
public enum HeadParser {
    /// False: incomplete, read more. True: `head.length` bytes are the head; ranges are offsets into `bytes`.
    public static func parseRequest(
        _ bytes: Span<UInt8>, limits: HeadLimits, progress: inout HeadProgress, into head: inout RequestHead
    ) throws(HeadError) -> Bool {
        if !progress.isDecisive(bytes, limit: limits.headBytes) { return false }
        let known = bytes.extracting(0..<min(bytes.count, limits.headBytes))
        head.reset()
        if let start = try skipEmptyLines(known),
            let lines = try RequestLine.parse(known, from: start, limits: limits, into: &head),
            let end = try FieldLines.read(
                known, from: lines, limits: limits, into: &head.fields, &head.presence, &head.repetition)
        {
            head.length = end
            try RequestTarget.agreeWithHost(known, &head)
            return true
        }
        if bytes.count >= limits.headBytes { throw .headTooLarge }
        progress.ranOut(at: bytes.count)
        return false
    }

    /// As `parseRequest`, for a status line.
    public static func parseResponse(
        _ bytes: Span<UInt8>, limits: HeadLimits, progress: inout HeadProgress, into head: inout ResponseHead
    ) throws(HeadError) -> Bool {
        if !progress.isDecisive(bytes, limit: limits.headBytes) { return false }
        let known = bytes.extracting(0..<min(bytes.count, limits.headBytes))
        head.reset()
        if let lines = try StatusLine.parse(known, into: &head),
            let end = try FieldLines.read(
                known, from: lines, limits: limits, into: &head.fields, &head.presence, &head.repetition)
        {
            head.length = end
            return true
        }
        if bytes.count >= limits.headBytes { throw .headTooLarge }
        progress.ranOut(at: bytes.count)
        return false
    }

    /// The trailer section behind the last chunk. nil: incomplete; else its bytes with the closing empty line. Fields that frame,
    /// route, authenticate or say how to read the body have no business there (RFC 9110 §6.5.1) and are left out.
    public static func parseTrailers(
        _ bytes: Span<UInt8>, limits: HeadLimits, progress: inout HeadProgress, into fields: inout [HeadField]
    ) throws(HeadError) -> Int? {
        if !progress.isDecisive(bytes, limit: limits.headBytes) { return nil }
        let known = bytes.extracting(0..<min(bytes.count, limits.headBytes))
        fields.removeAll(keepingCapacity: true)
        var presence: UInt64 = 0
        var repetition: UInt64 = 0
        if let end = try FieldLines.read(known, from: 0, limits: limits, into: &fields, &presence, &repetition) {
            if !fields.isEmpty { fields.removeAll { !$0.known.mayBeTrailer } }
            return end
        }
        if bytes.count >= limits.headBytes { throw .headTooLarge }
        progress.ranOut(at: bytes.count)
        return nil
    }

    /// Empty lines before a request line are forgiven (RFC 9112 §2.2), a few of them; they belong to the head's length.
    private static func skipEmptyLines(_ bytes: Span<UInt8>) throws(HeadError) -> Int? {
        var cursor = 0
        while cursor < bytes.count && bytes[cursor] == 13 {
            if cursor + 1 == bytes.count { return nil }
            if bytes[cursor + 1] != 10 { throw .bareCarriageReturn }
            cursor += 2
            if cursor > 2 * Limits.emptyLines { throw .badRequestLine }
        }
        return cursor
    }
}
