// SPDX-License-Identifier: Apache-2.0
public import Wire

/// 64-bit hashes under a key of the installation, for everything that the detection remembers: names and addresses are not kept where a number
/// will do, and nobody outside can choose two that collide. A value, any thread.
public struct KeyedHash: Sendable {
    private let key: UInt64
    private let second: UInt64

    /// `seed` should be random, and must be the same for as long as state made with it is used.
    public init(seed: UInt64) {
        key = KeyedHash.fold(seed ^ 0x9e37_79b9_7f4a_7c15, 0xbf58_476d_1ce4_e5b9)
        second = KeyedHash.fold(seed ^ 0x94d0_49bb_1331_11eb, 0xd6e8_feb8_6659_fd93) | 1
    }

    /// Never 0, which stands for "none".
    public func of(_ text: Span<UInt8>) -> UInt64 {
        var state = key ^ UInt64(truncatingIfNeeded: text.count)
        var index = 0
        while index + 8 <= text.count {
            state = KeyedHash.fold(state ^ KeyedHash.word(text, index, 8), second)
            index += 8
        }
        if index < text.count {
            state = KeyedHash.fold(state ^ KeyedHash.word(text, index, text.count - index), second)
        }
        return finish(state)
    }

    public func of(_ first: UInt64, _ other: UInt64) -> UInt64 {
        finish(KeyedHash.fold(KeyedHash.fold(first ^ key, second) ^ other, second))
    }

    public func of(_ address: IPAddress, bits: Int) -> UInt64 {
        let masked = address.masked(to: bits)
        return of(masked.high ^ UInt64(bits) << 56, masked.low)
    }

    private func finish(_ state: UInt64) -> UInt64 {
        let value = KeyedHash.fold(state ^ second, key | 1)
        return value == 0 ? 1 : value
    }

    @inline(__always)
    private static func word(_ text: Span<UInt8>, _ start: Int, _ count: Int) -> UInt64 {
        var word: UInt64 = 0
        for offset in 0..<count { word |= UInt64(text[start + offset]) << UInt64(8 * offset) }
        return word
    }

    @inline(__always)
    static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }
}
