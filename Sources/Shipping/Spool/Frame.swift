// SPDX-License-Identifier: Apache-2.0
package import Wire

/// How one record stands in a segment: magic, CRC-32C of what follows, length, sequence number, the record. Pure.
/// The magic holds bytes that no JSON text can hold, so a record can never pass for a frame when a damaged spool is searched.
package enum Frame {
    static let headBytes = 20
    /// Longer records are not taken: a length that a bit flip made huge must not be believed.
    static let maximumRecord = 4 << 20
    /// No spool lives long enough to get there; below it, adding one is safe.
    static let maximumSequence = UInt64.max / 2
    /// File names and cursors that claim more are not believed, so that what follows them has numbers left.
    static let maximumStart: UInt64 = 1 << 60
    private static let magic: [UInt8] = [0x1E, 0xFF, 0x4C, 0x57]

    package enum Step {
        case record(sequence: UInt64, range: ByteRange, next: Int)
        /// Bytes from here to `next` are no record.
        case damaged(next: Int)
        /// The rest of a frame lies behind the end of the bytes.
        case incomplete
        case end
    }

    package static func write(_ record: [UInt8], sequence: UInt64) -> [UInt8] {
        var frame: [UInt8] = []
        frame.reserveCapacity(record.count + headBytes)
        frame.append(contentsOf: magic)
        append(0, 4, to: &frame)
        append(UInt64(record.count), 4, to: &frame)
        append(sequence, 8, to: &frame)
        frame.append(contentsOf: record)
        let checksum = CRC32C.checksum(frame.span.extracting(8..<frame.count))
        for index in 0..<4 { frame[4 + index] = UInt8(truncatingIfNeeded: checksum >> UInt32(8 * index)) }
        return frame
    }

    /// What stands at `offset`. `isWhole` says that nothing follows the bytes, so that an unfinished frame is a damaged one.
    package static func step(_ bytes: Span<UInt8>, at offset: Int, isWhole: Bool) -> Step {
        if offset >= bytes.count { return .end }
        if let found = record(bytes, at: offset) { return found }
        if !isWhole && mayContinue(bytes, at: offset) { return .incomplete }
        var index = offset + 1
        while index < bytes.count {
            if bytes[index] == magic[0] && record(bytes, at: index) != nil { return .damaged(next: index) }
            index += 1
        }
        return isWhole ? .damaged(next: bytes.count) : .incomplete
    }

    private static func record(_ bytes: Span<UInt8>, at offset: Int) -> Step? {
        guard bytes.count - offset >= headBytes, hasMagic(bytes, at: offset) else { return nil }
        let length = Int(number(bytes, offset + 8, 4))
        guard length <= maximumRecord, bytes.count - offset - headBytes >= length else { return nil }
        let end = offset + headBytes + length
        let sequence = number(bytes, offset + 12, 8)
        if sequence >= maximumSequence { return nil }
        let stored = UInt32(truncatingIfNeeded: number(bytes, offset + 4, 4))
        guard CRC32C.checksum(bytes.extracting((offset + 8)..<end)) == stored else { return nil }
        return .record(
            sequence: sequence, range: ByteRange(offset + headBytes, end), next: end)
    }

    /// Whether more bytes could make a valid frame of what stands here.
    private static func mayContinue(_ bytes: Span<UInt8>, at offset: Int) -> Bool {
        if bytes.count - offset < headBytes { return true }
        let length = Int(number(bytes, offset + 8, 4))
        return hasMagic(bytes, at: offset) && length <= maximumRecord
            && bytes.count - offset - headBytes < length
    }

    private static func hasMagic(_ bytes: Span<UInt8>, at offset: Int) -> Bool {
        for index in 0..<4 where bytes[offset + index] != magic[index] { return false }
        return true
    }

    private static func number(_ bytes: Span<UInt8>, _ start: Int, _ count: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<count { value |= UInt64(bytes[start + index]) << UInt64(8 * index) }
        return value
    }

    private static func append(_ number: UInt64, _ count: Int, to out: inout [UInt8]) {
        for index in 0..<count { out.append(UInt8(truncatingIfNeeded: number >> UInt64(8 * index))) }
    }
}
