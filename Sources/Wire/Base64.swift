// SPDX-License-Identifier: Apache-2.0

/// Base64 (RFC 4648), both alphabets when reading.
public enum Base64 {
    /// Decodes into `out`; false, and nothing appended, when the text is none. Padding may be missing; line breaks are refused.
    public static func decode(_ text: Span<UInt8>, into out: inout [UInt8]) -> Bool {
        let begin = out.count
        var end = text.count
        while end > 0 && text[end - 1] == UInt8(ascii: "=") && text.count - end < 2 { end -= 1 }
        var bits: UInt32 = 0
        var held: UInt32 = 0
        var index = 0
        while index < end {
            guard let value = value(text[index]) else {
                out.removeLast(out.count - begin)
                return false
            }
            bits = bits << 6 | UInt32(value)
            held += 6
            if held >= 8 {
                held -= 8
                out.append(UInt8(truncatingIfNeeded: bits >> held))
            }
            index += 1
        }
        if end % 4 == 1 {
            out.removeLast(out.count - begin)
            return false
        }
        return true
    }

    /// The text of `bytes`, with padding, in the alphabet of "+" and "/".
    public static func encode(_ bytes: [UInt8]) -> [UInt8] {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var out: [UInt8] = []
        out.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var bits: UInt32 = 0
            for byte in group { bits = bits << 8 | UInt32(byte) }
            bits <<= UInt32(8 * (3 - group.count))
            for place in 0..<4 {
                let isPadding = place > group.count
                out.append(isPadding ? UInt8(ascii: "=") : letters[Int(bits >> UInt32(18 - 6 * place) & 63)])
            }
        }
        return out
    }

    private static func value(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 65...90: byte - 65
        case 97...122: byte - 71
        case 48...57: byte + 4
        case UInt8(ascii: "+"), UInt8(ascii: "-"): 62
        case UInt8(ascii: "/"), UInt8(ascii: "_"): 63
        default: nil
        }
    }
}
