// SPDX-License-Identifier: Apache-2.0
import Wire

// A connection's buffer is a property of a class, of which a span cannot be bound: these take the buffer itself for the length of one call.

extension BodyFlow {
    /// Looks at what stands in front of `buffer`.
    mutating func next(in buffer: borrowing ByteBuffer, limits: HeadLimits) throws(HeadError) -> Piece {
        try next(buffer.bytes, limits: limits)
    }
}

extension ByteBuffer {
    /// Appends the bytes of `range` to an array, at most `limit` of them.
    borrowing func copy(_ range: ByteRange, limit: Int = .max, to out: inout [UInt8]) {
        out.append(bytes.slice(range).extracting(0..<min(limit, range.count)))
    }
}

extension ByteBuffer {
    /// Appends the bytes of `range` to another buffer.
    borrowing func copy(_ range: ByteRange, to out: inout ByteBuffer) { out.append(bytes.slice(range)) }
}

extension Forwarding {
    static func append(
        _ range: ByteRange, of buffer: borrowing ByteBuffer, chunked: Bool, into output: inout ByteBuffer
    ) {
        append(buffer.bytes.slice(range), chunked: chunked, into: &output)
    }

    static func appendEnd(trailers: [HeadField], of buffer: borrowing ByteBuffer, into output: inout ByteBuffer) {
        // A report of the application is for us, in a trailer as well.
        var passing: [HeadField] = []
        for trailer in trailers where !ReportField.isOne(trailer, buffer.bytes) { passing.append(trailer) }
        HeadWriter.lastChunk(trailers: passing, buffer.bytes, to: &output)
    }

    static func appendTrailers(_ trailers: [HeadField], of buffer: borrowing ByteBuffer, to lines: inout [UInt8]) {
        appendTrailers(trailers, buffer.bytes, to: &lines)
    }
}

extension HeadParser {
    static func parseRequest(
        in buffer: borrowing ByteBuffer, limits: HeadLimits, progress: inout HeadProgress, into head: inout RequestHead
    ) throws(HeadError) -> Bool {
        try parseRequest(buffer.bytes, limits: limits, progress: &progress, into: &head)
    }

    static func parseResponse(
        in buffer: borrowing ByteBuffer, limits: HeadLimits, progress: inout HeadProgress, into head: inout ResponseHead
    ) throws(HeadError) -> Bool {
        try parseResponse(buffer.bytes, limits: limits, progress: &progress, into: &head)
    }
}
