// SPDX-License-Identifier: Apache-2.0

/// Why stored state is not taken. It is set aside and never silently replaced.
public enum StateProblem: Error, Equatable, Sendable, CustomStringConvertible {
    /// No state of a detector at all.
    case foreign
    /// Written by another version of the program.
    case version(UInt32)
    /// Made under another key: every hash in it means nothing here.
    case otherKey
    /// Cut short, or changed since it was written.
    case damaged

    public var description: String {
        switch self {
        case .foreign: "it is no state of the detection"
        case .version(let number): "it is of version \(number), this program reads \(Detector.stateVersion)"
        case .otherKey: "it was made under another key"
        case .damaged: "it is damaged"
        }
    }
}

/// Numbers as little-endian bytes. Owned by whoever writes one state.
struct StateWriter {
    private(set) var bytes: [UInt8] = []

    mutating func put<Number: FixedWidthInteger>(_ number: Number) {
        var rest = number
        for _ in 0..<(Number.bitWidth / 8) {
            bytes.append(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }

    mutating func put(_ number: Double) { put(number.bitPattern) }

    mutating func put(count: Int) { put(UInt32(clamping: count)) }

    mutating func put(_ text: [UInt8]) {
        put(count: text.count)
        bytes.append(contentsOf: text)
    }

    mutating func put(_ numbers: some Collection<UInt64>) {
        put(count: numbers.count)
        for number in numbers { put(number) }
    }

    /// Words that are mostly zero: of each 64 a mask, and those that are not zero.
    mutating func put(sparse words: [UInt64]) {
        put(count: words.count)
        var start = 0
        while start < words.count {
            var mask: UInt64 = 0
            for offset in 0..<min(64, words.count - start) where words[start + offset] != 0 {
                mask |= 1 << UInt64(offset)
            }
            put(mask)
            for offset in 0..<min(64, words.count - start) where words[start + offset] != 0 {
                put(words[start + offset])
            }
            start += 64
        }
    }
}

/// Reads what `StateWriter` wrote. Whatever the bytes hold, it reads nothing beyond them and makes nothing larger than they allow.
struct StateReader {
    private let bytes: [UInt8]
    private var cursor: Int

    init(_ bytes: [UInt8], from cursor: Int) {
        self.bytes = bytes
        self.cursor = cursor
    }

    var isAtEnd: Bool { cursor == bytes.count }

    mutating func number<Number: FixedWidthInteger>(_: Number.Type) throws(StateProblem) -> Number {
        let width = Number.bitWidth / 8
        if bytes.count - cursor < width { throw .damaged }
        var value: Number = 0
        for offset in 0..<width {
            value |= Number(truncatingIfNeeded: UInt64(bytes[cursor + offset]) << UInt64(8 * offset))
        }
        cursor += width
        return value
    }

    /// Finite, or negative infinity, which stands for "never".
    mutating func real() throws(StateProblem) -> Double {
        let value = Double(bitPattern: try number(UInt64.self))
        if !value.isFinite && value != -.infinity { throw .damaged }
        return value
    }

    /// A count of things of at least `width` bytes each, of which no more than `limit` may be.
    mutating func count(_ limit: Int, width: Int) throws(StateProblem) -> Int {
        let count = Int(try number(UInt32.self))
        if count > limit || count * width > bytes.count - cursor { throw .damaged }
        return count
    }

    mutating func text(_ limit: Int) throws(StateProblem) -> [UInt8] {
        let count = try count(limit, width: 1)
        let text = Array(bytes[cursor..<(cursor + count)])
        cursor += count
        return text
    }

    mutating func words(_ limit: Int) throws(StateProblem) -> [UInt64] {
        let count = try count(limit, width: 8)
        var list: [UInt64] = []
        list.reserveCapacity(count)
        for _ in 0..<count { list.append(try number(UInt64.self)) }
        return list
    }

    /// Exactly `expected` words.
    mutating func sparse(_ expected: Int) throws(StateProblem) -> [UInt64] {
        if Int(try number(UInt32.self)) != expected { throw .damaged }
        var words = [UInt64](repeating: 0, count: expected)
        var start = 0
        while start < expected {
            var mask = try number(UInt64.self)
            while mask != 0 {
                let place = start + mask.trailingZeroBitCount
                if place >= expected { throw .damaged }
                words[place] = try number(UInt64.self)
                mask &= mask - 1
            }
            start += 64
        }
        return words
    }
}
