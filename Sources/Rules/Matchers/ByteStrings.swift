// SPDX-License-Identifier: Apache-2.0
import Wire

/// A set of byte strings with a number each, found by hash without allocation. Immutable. Open addressing at most half full.
/// A class: one reference instead of three.
public final class ByteStrings: Sendable {
    private let arena: [UInt8]
    private let ranges: [ByteRange]
    private let slots: [Int32]
    private let mask: Int
    private let foldsCase: Bool
    private let seed: UInt64

    /// Of equal strings the last one counts. With `foldsCase`, ASCII letters compare without case.
    public init(_ strings: [[UInt8]], foldsCase: Bool = false, seed: UInt64 = 0x5bd1_e995_9e37_79b9) {
        var arena: [UInt8] = []
        var ranges: [ByteRange] = []
        for string in strings {
            let start = arena.count
            arena += foldsCase ? string.map { ByteSearch.lowercased($0) } : string
            ranges.append(ByteRange(start, arena.count))
        }
        var size = 8
        while size < strings.count * 2 { size *= 2 }
        var slots = [Int32](repeating: -1, count: size)
        for (number, range) in ranges.enumerated() {
            var slot = ByteStrings.hash(arena.span.slice(range), seed, foldsCase: false) & (size - 1)
            while slots[slot] >= 0
                && !ByteSearch.equals(arena.span.slice(ranges[Int(slots[slot])]), arena.span.slice(range))
            {
                slot = (slot + 1) & (size - 1)
            }
            slots[slot] = Int32(number)
        }
        self.arena = arena
        self.ranges = ranges
        self.slots = slots
        self.foldsCase = foldsCase
        self.seed = seed
        mask = size - 1
    }

    public var isEmpty: Bool { ranges.isEmpty }

    public func contains(_ text: Span<UInt8>) -> Bool { find(text) != nil }

    /// The number of the string that equals `text`.
    public func find(_ text: Span<UInt8>) -> Int? {
        if ranges.isEmpty { return nil }
        var slot = ByteStrings.hash(text, seed, foldsCase: foldsCase) & mask
        while slots[slot] >= 0 {
            let range = ranges[Int(slots[slot])]
            if range.count == text.count {
                let arena = arena
                let known = arena.span.slice(range)
                if foldsCase ? ByteSearch.equalsIgnoringCase(text, known) : ByteSearch.equals(text, known) {
                    return Int(slots[slot])
                }
            }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// FNV-1a with a seed and a final mix.
    private static func hash(_ text: Span<UInt8>, _ seed: UInt64, foldsCase: Bool) -> Int {
        var value = seed ^ 0xcbf2_9ce4_8422_2325
        var index = 0
        while index < text.count {
            let byte = foldsCase ? ByteSearch.lowercased(text[index]) : text[index]
            value = (value ^ UInt64(byte)) &* 0x100_0000_01b3
            index += 1
        }
        value ^= value >> 32
        return Int(truncatingIfNeeded: value & 0x7fff_ffff)
    }
}
