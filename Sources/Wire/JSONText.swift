// SPDX-License-Identifier: Apache-2.0

/// Strings and numbers of JSON (RFC 8259 §6, §7).
public enum JSONText {
    /// Reads the string whose quote stands at `cursor`, decoded to UTF-8, and moves behind it. A lone surrogate becomes U+FFFD.
    public static func readString(
        _ text: Span<UInt8>, _ cursor: inout Int, into out: inout [UInt8]
    ) throws(ContentError) {
        var index = cursor + 1
        while index < text.count {
            let byte = text[index]
            if byte == 34 {
                cursor = index + 1
                return
            }
            if byte < 32 { throw ContentError("control character in JSON string", at: index) }
            if byte == UInt8(ascii: "\\") {
                try escape(text, &index, into: &out)
            } else {
                out.append(byte)
                index += 1
            }
        }
        throw ContentError("JSON string without end", at: cursor)
    }

    private static func escape(_ text: Span<UInt8>, _ index: inout Int, into out: inout [UInt8]) throws(ContentError) {
        guard index + 1 < text.count else { throw ContentError("JSON ends in an escape", at: index) }
        let code = text[index + 1]
        index += 2
        switch code {
        case 34, UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(code)
        case UInt8(ascii: "b"): out.append(8)
        case UInt8(ascii: "f"): out.append(12)
        case UInt8(ascii: "n"): out.append(10)
        case UInt8(ascii: "r"): out.append(13)
        case UInt8(ascii: "t"): out.append(9)
        case UInt8(ascii: "u"):
            var scalar = try hex(text, index)
            index += 4
            if scalar >> 10 == 0xd800 >> 10, index + 5 < text.count, text[index] == UInt8(ascii: "\\"),
                text[index + 1] == UInt8(ascii: "u")
            {
                let second = try hex(text, index + 2)
                if second >> 10 == 0xdc00 >> 10 {
                    scalar = 0x10000 + ((scalar & 0x3ff) << 10 | second & 0x3ff)
                    index += 6
                }
            }
            append(scalar >> 11 == 0xd800 >> 11 ? 0xfffd : scalar, to: &out)
        default: throw ContentError("unknown escape in JSON string", at: index - 1)
        }
    }

    private static func hex(_ text: Span<UInt8>, _ start: Int) throws(ContentError) -> UInt32 {
        if start + 4 > text.count { throw ContentError("JSON ends in an escape", at: text.count) }
        var value: UInt32 = 0
        for index in start..<(start + 4) {
            guard let digit = ByteSearch.hexValue(text[index]) else {
                throw ContentError("bad \\u escape in JSON string", at: index)
            }
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    /// One code point as UTF-8.
    static func append(_ scalar: UInt32, to out: inout [UInt8]) {
        func tail(_ shift: UInt32) -> UInt8 { UInt8(truncatingIfNeeded: 0x80 | scalar >> shift & 0x3f) }
        switch scalar {
        case 0..<0x80: out.append(UInt8(truncatingIfNeeded: scalar))
        case 0x80..<0x800:
            out.append(UInt8(truncatingIfNeeded: 0xc0 | scalar >> 6))
            out.append(tail(0))
        case 0x800..<0x10000:
            out.append(UInt8(truncatingIfNeeded: 0xe0 | scalar >> 12))
            out.append(tail(6))
            out.append(tail(0))
        default:
            out.append(UInt8(truncatingIfNeeded: 0xf0 | scalar >> 18))
            out.append(tail(12))
            out.append(tail(6))
            out.append(tail(0))
        }
    }

    /// Moves behind the number at `cursor`: no leading zero, no "+", no bare point.
    public static func skipNumber(_ text: Span<UInt8>, _ cursor: inout Int) throws(ContentError) {
        let start = cursor
        if text[cursor] == UInt8(ascii: "-") { cursor += 1 }
        let integer = cursor
        digits(text, &cursor)
        if cursor == integer || cursor - integer > 1 && text[integer] == 48 {
            throw ContentError("bad number in JSON", at: start)
        }
        if cursor < text.count && text[cursor] == UInt8(ascii: ".") {
            cursor += 1
            let fraction = cursor
            digits(text, &cursor)
            if cursor == fraction { throw ContentError("bad number in JSON", at: start) }
        }
        if cursor < text.count && text[cursor] | 32 == UInt8(ascii: "e") {
            cursor += 1
            if cursor < text.count && (text[cursor] == UInt8(ascii: "+") || text[cursor] == UInt8(ascii: "-")) {
                cursor += 1
            }
            let exponent = cursor
            digits(text, &cursor)
            if cursor == exponent { throw ContentError("bad number in JSON", at: start) }
        }
    }

    private static func digits(_ text: Span<UInt8>, _ cursor: inout Int) {
        while cursor < text.count && text[cursor] >= 48 && text[cursor] <= 57 { cursor += 1 }
    }
}
