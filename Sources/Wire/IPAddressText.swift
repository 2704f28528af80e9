// SPDX-License-Identifier: Apache-2.0

/// The text form of an address, both ways, without allocation: a small writer with room for the longest (39 bytes).
public struct IPAddressText {
    var bytes = InlineArray<46, UInt8>(repeating: 0)
    var count = 0

    init() {}

    /// The text of an address, to be written several times.
    public init(_ address: IPAddress) { write(address) }

    public var span: Span<UInt8> {
        @_lifetime(borrow self)
        get { bytes.span.extracting(0..<count) }
    }

    // MARK: Reading

    static func v4(_ text: Span<UInt8>) -> UInt32? {
        if text.count < 7 || text.count > 15 { return nil }
        var value: UInt32 = 0
        var part: UInt32 = 0
        var digits = 0
        var dots = 0
        for index in text.indices {
            let byte = text[index]
            if byte == UInt8(ascii: ".") {
                if digits == 0 || dots == 3 { return nil }
                value = value << 8 | part
                part = 0
                digits = 0
                dots += 1
                continue
            }
            // "01" is octal for some readers: refused.
            if byte < 48 || byte > 57 || digits == 3 || digits > 0 && part == 0 { return nil }
            part = part * 10 + UInt32(byte - 48)
            if part > 255 { return nil }
            digits += 1
        }
        return dots == 3 && digits > 0 ? value << 8 | part : nil
    }

    static func v6(_ text: Span<UInt8>) -> IPAddress? {
        if text.count < 2 || text.count > 45 { return nil }
        var groups = InlineArray<8, UInt16>(repeating: 0)
        var filled = 0
        var gap: Int?
        var index = 0
        if text[0] == 58 {
            if text[1] != 58 { return nil }
            gap = 0
            index = 2
        }
        while index < text.count {
            if filled == 8 { return nil }
            var end = index
            var value: UInt32 = 0
            while end < text.count, let digit = ByteSearch.hexValue(text[end]) {
                if end - index == 4 { return nil }
                value = value << 4 | UInt32(digit)
                end += 1
            }
            if end < text.count && text[end] == UInt8(ascii: ".") {
                guard filled <= 6, let tail = v4(text.extracting(index..<text.count)) else { return nil }
                groups[filled] = UInt16(tail >> 16)
                groups[filled + 1] = UInt16(tail & 0xffff)
                filled += 2
                index = text.count
                break
            }
            if end == index { return nil }
            groups[filled] = UInt16(value)
            filled += 1
            index = end
            if index == text.count { break }
            if text[index] != 58 { return nil }
            index += 1
            if index == text.count { return nil }
            if text[index] == 58 {
                if gap != nil { return nil }
                gap = filled
                index += 1
            }
        }
        if gap == nil && filled != 8 || gap != nil && filled == 8 { return nil }
        return assemble(groups, filled: filled, gap: gap ?? 8)
    }

    private static func assemble(_ groups: InlineArray<8, UInt16>, filled: Int, gap: Int) -> IPAddress {
        var high: UInt64 = 0
        var low: UInt64 = 0
        for place in 0..<8 {
            let source = place < gap ? place : place - (8 - filled)
            let group = place < gap ? groups[place] : source >= gap ? groups[source] : 0
            if place < 4 { high = high << 16 | UInt64(group) } else { low = low << 16 | UInt64(group) }
        }
        return IPAddress(high: high, low: low)
    }

    // MARK: Writing (RFC 5952)

    mutating func write(_ address: IPAddress) {
        if address.isIPv4 {
            let v4 = address.v4
            decimal(v4 >> 24)
            put(UInt8(ascii: "."))
            decimal(v4 >> 16 & 255)
            put(UInt8(ascii: "."))
            decimal(v4 >> 8 & 255)
            put(UInt8(ascii: "."))
            decimal(v4 & 255)
            return
        }
        let gap = longestZeros(address)
        var place = 0
        while place < 8 {
            if place == gap.start && gap.count > 1 {
                put(58)
                put(58)
                place += gap.count
                continue
            }
            if place > 0 && !(gap.count > 1 && place == gap.start + gap.count) { put(58) }
            hex(group(address, place))
            place += 1
        }
    }

    private func group(_ address: IPAddress, _ place: Int) -> UInt16 {
        let word = place < 4 ? address.high : address.low
        return UInt16(truncatingIfNeeded: word >> UInt64(48 - 16 * (place & 3)))
    }

    private func longestZeros(_ address: IPAddress) -> (start: Int, count: Int) {
        var best = (start: -1, count: 0)
        var start = -1
        for place in 0..<8 {
            if group(address, place) != 0 {
                start = -1
                continue
            }
            if start < 0 { start = place }
            if place - start + 1 > best.count { best = (start, place - start + 1) }
        }
        return best
    }

    @inline(__always)
    private mutating func put(_ byte: UInt8) {
        bytes[count] = byte
        count &+= 1
    }

    private mutating func decimal(_ number: UInt32) {
        if number >= 100 { put(UInt8(truncatingIfNeeded: 48 &+ number / 100)) }
        if number >= 10 { put(UInt8(truncatingIfNeeded: 48 &+ number / 10 % 10)) }
        put(UInt8(truncatingIfNeeded: 48 &+ number % 10))
    }

    private mutating func hex(_ number: UInt16) {
        var shift: UInt16 = 12
        while shift > 0 && number >> shift == 0 { shift -= 4 }
        while true {
            let digit = UInt8(truncatingIfNeeded: number >> shift & 15)
            put(digit < 10 ? 48 + digit : 87 + digit)
            if shift == 0 { return }
            shift -= 4
        }
    }
}
