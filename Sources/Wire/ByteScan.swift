// SPDX-License-Identifier: Apache-2.0

/// Finds where a run of permitted bytes ends, and compares with fixed texts, a word of eight bytes at a step. Stateless; the one
/// place of HTTP syntax that reads memory directly (measured: a 450-byte head by bytes 710 ns, by words 235 ns).
public enum ByteScan {
    private static var ones: UInt64 { 0x0101_0101_0101_0101 }
    private static var highs: UInt64 { 0x8080_8080_8080_8080 }

    // In each of these the lowest bit that is set is exact; a borrow may set wrong ones, but only above a right one.

    /// Marks the bytes below `limit`, which is at most 128.
    @inline(__always)
    private static func below(_ word: UInt64, _ limit: UInt64) -> UInt64 { (word &- ones &* limit) & ~word & highs }

    @inline(__always)
    private static func equal(_ word: UInt64, _ byte: UInt64) -> UInt64 {
        let difference = word ^ (ones &* byte)
        return (difference &- ones) & ~difference & highs
    }

    /// The caller made sure that eight bytes stand at `index`. Memory order is little-endian on every target of the product.
    @inline(__always)
    private static func word(_ bytes: Span<UInt8>, _ index: Int) -> UInt64 {
        unsafe bytes.withUnsafeBytes {
            unsafe UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: index, as: UInt64.self))
        }
    }

    @inline(__always)
    private static func place(_ marks: UInt64) -> Int { marks.trailingZeroBitCount >> 3 }

    /// The first offset at or behind `start` that holds `byte`, or the end.
    public static func find(_ byte: UInt8, _ bytes: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index &+ 8 <= bytes.count {
            let marks = equal(word(bytes, index), UInt64(byte))
            if marks != 0 { return index &+ place(marks) }
            index &+= 8
        }
        while index < bytes.count && bytes[index] != byte { index &+= 1 }
        return index
    }

    /// The first offset that holds a colon, a space or a control byte, or the end. What lies before may still be no token.
    @inline(__always)
    public static func endOfName(_ bytes: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index &+ 8 <= bytes.count {
            let word = word(bytes, index)
            let marks = below(word, 33) | equal(word, 58)
            if marks != 0 { return index &+ place(marks) }
            index &+= 8
        }
        while index < bytes.count && bytes[index] > 32 && bytes[index] != 58 { index &+= 1 }
        return index
    }

    /// The first offset whose byte may not stand in a field value (RFC 9110 §5.5), or the end.
    @inline(__always)
    public static func endOfValue(_ bytes: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index &+ 16 <= bytes.count {
            let first = word(bytes, index)
            let second = word(bytes, index &+ 8)
            let early = below(first, 32) | equal(first, 127)
            let late = below(second, 32) | equal(second, 127)
            if early | late == 0 {
                index &+= 16
                continue
            }
            index &+= early != 0 ? place(early) : 8 &+ place(late)
            if bytes[index] != 9 { return index }
            index &+= 1
        }
        while index < bytes.count && ByteClass.isFieldValue(bytes[index]) { index &+= 1 }
        return index
    }

    /// The first offset that holds "?", "#" or anything but visible ASCII, or the end.
    @inline(__always)
    public static func endOfTargetPart(_ bytes: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index &+ 8 <= bytes.count {
            let word = word(bytes, index)
            let marks = below(word, 33) | (word & highs) | equal(word, 127) | equal(word, 35) | equal(word, 63)
            if marks != 0 { return index &+ place(marks) }
            index &+= 8
        }
        while index < bytes.count, bytes[index] > 32 && bytes[index] < 127 && bytes[index] != 35 && bytes[index] != 63 {
            index &+= 1
        }
        return index
    }

    /// The first offset whose byte cannot stand in a JSON string as it is, or is no ASCII, or the end.
    @inline(__always)
    public static func endOfPlainText(_ bytes: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index &+ 8 <= bytes.count {
            let word = word(bytes, index)
            let marks = below(word, 32) | (word & highs) | equal(word, 34) | equal(word, 92) | equal(word, 127)
            if marks != 0 { return index &+ place(marks) }
            index &+= 8
        }
        while index < bytes.count, isPlain(bytes[index]) { index &+= 1 }
        return index
    }

    @inline(__always)
    private static func isPlain(_ byte: UInt8) -> Bool { byte >= 32 && byte < 127 && byte != 34 && byte != 92 }

    /// Whether the two hold the same bytes.
    public static func equals(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        let count = left.count
        if count != right.count { return false }
        var index = 0
        if count >= 8 {
            while index <= count &- 8 {
                if word(left, index) != word(right, index) { return false }
                index &+= 8
            }
            // The last word overlaps the one before.
            return word(left, count &- 8) == word(right, count &- 8)
        }
        while index < count {
            if left[index] != right[index] { return false }
            index &+= 1
        }
        return true
    }

    /// Whether `bytes` are exactly `text`.
    @inline(__always)
    public static func equals(_ bytes: Span<UInt8>, _ text: StaticString) -> Bool { matches(bytes, text, fold: 0) }

    /// Whether `bytes` are `text`, which holds small letters, digits, "-", "/" and ":" only, in any case.
    @inline(__always)
    public static func equalsFolding(_ bytes: Span<UInt8>, _ text: StaticString) -> Bool {
        matches(bytes, text, fold: 0x20)
    }

    /// Setting bit 5 makes letters small; it also makes "-" of a carriage return and others of other control bytes, which
    /// are therefore looked for.
    @inline(__always)
    private static func matches(_ bytes: Span<UInt8>, _ text: StaticString, fold: UInt64) -> Bool {
        let count = text.utf8CodeUnitCount
        if bytes.count != count { return false }
        if count < 8 { return unsafe matchesShort(bytes, text.utf8Start, fold: UInt8(truncatingIfNeeded: fold)) }
        var index = 0
        while true {
            let left = word(bytes, index)
            let right = unsafe UInt64(
                littleEndian: UnsafeRawPointer(text.utf8Start).loadUnaligned(fromByteOffset: index, as: UInt64.self))
            if left | (ones &* fold) != right || (fold != 0 && below(left, 32) != 0) { return false }
            if index == count &- 8 { return true }
            // The last word overlaps the one before.
            index = min(index &+ 8, count &- 8)
        }
    }

    @inline(__always)
    private static func matchesShort(_ bytes: Span<UInt8>, _ text: UnsafePointer<UInt8>, fold: UInt8) -> Bool {
        var index = 0
        while index < bytes.count {
            if bytes[index] | fold != (unsafe text[index]) || (fold != 0 && bytes[index] < 32) { return false }
            index &+= 1
        }
        return true
    }
}
