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
