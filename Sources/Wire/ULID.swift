// SPDX-License-Identifier: Apache-2.0

/// Identifiers that sort by time: 48 bits of milliseconds and 80 bits that nobody can guess, as 26 characters.
public enum ULID {
    /// Makes them, each greater than the one before. Confined to its owner; randomness comes in as a seed.
    public struct Generator: Sendable {
        private var state: (UInt64, UInt64)
        private var lastMilliseconds: UInt64 = 0
        private var high: UInt16 = 0
        private var low: UInt64 = 0

        public init(seed: (UInt64, UInt64)) { state = seed == (0, 0) ? (0x9e37_79b9_7f4a_7c15, 1) : seed }

        /// Appends the next identifier's text.
        public mutating func next(unixMilliseconds: UInt64, to out: inout [UInt8]) {
            if unixMilliseconds > lastMilliseconds {
                lastMilliseconds = unixMilliseconds
                high = UInt16(truncatingIfNeeded: random())
                low = random()
            } else {
                // The same millisecond, or a clock that went back: count on from the last, by an unguessable step.
                let (sum, overflow) = low.addingReportingOverflow(random() >> 32 | 1)
                low = sum
                if overflow { high &+= 1 }
            }
            ULID.write(lastMilliseconds, high, low, to: &out)
        }

        /// xoroshiro128+: fast, and good enough for what must be unique, not secret.
        private mutating func random() -> UInt64 {
            let first = state.0
            var second = state.1
            let result = first &+ second
            second ^= first
            state.0 = (first << 24 | first >> 40) ^ second ^ second << 16
            state.1 = second << 37 | second >> 27
            return result
        }
    }

    private static var alphabet: StaticString { "0123456789ABCDEFGHJKMNPQRSTVWXYZ" }

    /// Crockford's Base32: 10 characters of time, 16 of the rest.
    static func write(_ milliseconds: UInt64, _ high: UInt16, _ low: UInt64, to out: inout [UInt8]) {
        var letters = InlineArray<26, UInt8>(repeating: 0)
        // 48 bits of time in ten letters, then 80 bits in two halves of eight.
        fill(&letters, from: 0, count: 10, milliseconds)
        fill(&letters, from: 10, count: 8, UInt64(high) << 24 | low >> 40)
        fill(&letters, from: 18, count: 8, low & 0xff_ffff_ffff)
        out.append(letters.span)
    }

    /// Five bits a letter, the last letter from the lowest bits.
    @inline(__always)
    private static func fill(_ letters: inout InlineArray<26, UInt8>, from start: Int, count: Int, _ bits: UInt64) {
        let text = alphabet
        var rest = bits
        var index = start &+ count
        while index > start {
            index &-= 1
            letters[index] = unsafe text.utf8Start[Int(rest & 31)]
            rest >>= 5
        }
    }
}
