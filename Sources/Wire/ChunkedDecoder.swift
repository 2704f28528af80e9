// SPDX-License-Identifier: Apache-2.0

/// Takes a chunked body apart (RFC 9112 §7.1). A machine without bytes of its own; one for each body, owned by its connection and
/// reused. What it gives does not depend on the pieces in which the body comes.
public struct ChunkedDecoder: Sendable {
    public enum Step: Equatable, Sendable {
        /// `consumed` bytes were framing; more bytes are needed to go on.
        case needMore(consumed: Int)
        /// Body data; consumed through the end of the range.
        case data(ByteRange)
        /// The chunk of size zero; the trailer section follows.
        case lastChunk(consumed: Int)
    }

    private enum State: Sendable {
        case line, data(UInt64), dataEnd
    }

    private var state = State.line
    private var overhead: UInt64 = 0

    public init() {}

    public mutating func reset() {
        state = .line
        overhead = 0
    }

    /// Looks at the bytes that stand in front.
    public mutating func next(_ bytes: Span<UInt8>) throws(HeadError) -> Step {
        var start = 0
        if case .dataEnd = state {
            if bytes.isEmpty { return .needMore(consumed: 0) }
            if bytes[0] != 13 { throw .badChunk }
            if bytes.count == 1 { return .needMore(consumed: 0) }
            if bytes[1] != 10 { throw .badChunk }
            state = .line
            start = 2
        }
        if case .line = state {
            guard let (size, end) = try Self.readLine(bytes, from: start) else { return .needMore(consumed: start) }
            if size == 0 {
                state = .line
                return .lastChunk(consumed: end)
            }
            try charge(line: end - start, size: size)
            state = .data(size)
            start = end
        }
        guard case .data(let remaining) = state, start < bytes.count else { return .needMore(consumed: start) }
        let available = UInt64(bytes.count - start)
        state = remaining > available ? .data(remaining - available) : .dataEnd
        return .data(ByteRange(start, start + Int(min(remaining, available))))
    }

    private mutating func charge(line: Int, size: UInt64) throws(HeadError) {
        let free = 16 + size / 8
        let cost = UInt64(line)
        overhead = overhead + cost > free ? overhead + cost - free : 0
        if overhead > UInt64(Limits.chunkOverheadBytes) { throw .badChunk }
    }

    /// chunk-size [chunk-ext] CRLF; nil when the line is not complete. Extensions are thrown away, and so not taken apart; they may
    /// hold what a field value may, and a line ends with CRLF and nothing else, since that is where readers differ.
    private static func readLine(_ bytes: Span<UInt8>, from start: Int) throws(HeadError) -> (size: UInt64, end: Int)? {
        var index = start
        var size: UInt64 = 0
        while index < bytes.count, let digit = ByteSearch.hexValue(bytes[index]) {
            if index - start == Limits.chunkSizeDigits { throw .badChunk }
            size = size << 4 | UInt64(digit)
            index += 1
        }
        if index == bytes.count { return nil }
        if index == start || size > Limits.bodyBytes { throw .badChunk }
        if bytes[index] == UInt8(ascii: ";") {
            index = ByteScan.endOfValue(bytes, from: index)
            if index - start > Limits.chunkLineBytes { throw .badChunk }
            if index == bytes.count { return nil }
        }
        if bytes[index] != 13 { throw .badChunk }
        if index + 1 == bytes.count { return nil }
        if bytes[index + 1] != 10 { throw .badChunk }
        return (size, index + 2)
    }
}
