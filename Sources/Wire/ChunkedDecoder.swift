// SPDX-License-Identifier: Apache-2.0

/// Takes a chunked body apart (RFC 9112 §7.1). A machine without bytes of its own; one for each body, reused.
package struct ChunkedDecoder: Sendable {
    package enum Step {
        /// `consumed` bytes were framing; more bytes are needed to go on.
        case needMore(consumed: Int)
        /// Body data; consumed through the end of the range.
        case data(ByteRange)
        /// The chunk of size zero; the trailer section follows.
        case lastChunk(consumed: Int)
    }

    private enum State {
        case size, data(UInt64), dataEnd
    }

    private var state = State.size

    package init() {}

    package mutating func reset() { state = .size }

    /// Looks at the bytes that stand in front.
    package mutating func next(_ bytes: Span<UInt8>) throws(HeadError) -> Step {
        var start = 0
        if case .dataEnd = state {
            if bytes.count > 0 && bytes[0] != 13 { throw .badChunk }
            if bytes.count < 2 { return .needMore(consumed: 0) }
            if bytes[1] != 10 { throw .badChunk }
            state = .size
            start = 2
        }
        if case .data(let remaining) = state {
            if bytes.count == start { return .needMore(consumed: start) }
            let available = UInt64(bytes.count - start)
            let count = Int(min(remaining, available))
            state = remaining > available ? .data(remaining - available) : .dataEnd
            return .data(ByteRange(start, start + count))
        }
        guard let (size, end) = try readSize(bytes, from: start) else { return .needMore(consumed: start) }
        if size == 0 {
            state = .size
            return .lastChunk(consumed: end)
        }
        state = .data(size)
        return .needMore(consumed: end)
    }

    /// chunk-size [chunk-ext] CRLF; nil when the line is not complete.
    private func readSize(_ bytes: Span<UInt8>, from start: Int) throws(HeadError) -> (size: UInt64, end: Int)? {
        var index = start
        var size: UInt64 = 0
        while index < bytes.count, let digit = ByteSearch.hexValue(bytes[index]) {
            size = size << 4 | UInt64(digit)
            index += 1
            if index - start > Limits.chunkSizeDigits { throw .badChunk }
        }
        if index == bytes.count { return nil }
        if index == start { throw .badChunk }
        return try ChunkExtensions.skip(bytes, from: index, lineStart: start).map { (size, $0) }
    }
}

/// The extensions of a chunk: read strictly, bounded, and thrown away. They are the place where readers differ most.
enum ChunkExtensions {
    /// The offset behind the line's CRLF, or nil when it is not complete.
    static func skip(_ bytes: Span<UInt8>, from start: Int, lineStart: Int) throws(HeadError) -> Int? {
        var index = start
        while index < bytes.count {
            if index - lineStart > Limits.chunkLineBytes { throw .badChunk }
            switch bytes[index] {
            case 13:
                if index + 1 == bytes.count { return nil }
                if bytes[index + 1] != 10 { throw .badChunk }
                return index + 2
            case UInt8(ascii: ";"):
                guard let next = try skipOne(bytes, from: index + 1) else { return nil }
                index = next
            default: throw .badChunk
            }
        }
        return nil
    }

    /// name ["=" (token | quoted-string)], without white space.
    private static func skipOne(_ bytes: Span<UInt8>, from start: Int) throws(HeadError) -> Int? {
        var index = start
        while index < bytes.count && ByteClass.isToken(bytes[index]) { index += 1 }
        if index == bytes.count { return nil }
        if index == start { throw .badChunk }
        if bytes[index] != UInt8(ascii: "=") { return index }
        index += 1
        if index == bytes.count { return nil }
        if bytes[index] != UInt8(ascii: "\"") {
            let value = index
            while index < bytes.count && ByteClass.isToken(bytes[index]) { index += 1 }
            if index == bytes.count { return nil }
            if index == value { throw .badChunk }
            return index
        }
        index += 1
        while index < bytes.count && bytes[index] != UInt8(ascii: "\"") {
            if bytes[index] == UInt8(ascii: "\\") { index += 1 }
            if index < bytes.count && !ByteClass.isFieldValue(bytes[index]) { throw .badChunk }
            index += 1
        }
        return index < bytes.count ? index + 1 : nil
    }
}
