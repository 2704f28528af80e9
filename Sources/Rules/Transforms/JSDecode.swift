// SPDX-License-Identifier: Apache-2.0
import Wire

/// `js_decode`: \xHH, \uHHHH (its low byte) and the single-letter escapes.
enum JSDecode {
    static func apply(_ text: Span<UInt8>, into out: inout [UInt8]) {
        var index = 0
        while index < text.count {
            if text[index] != UInt8(ascii: "\\") || index + 1 == text.count {
                out.append(text[index])
                index += 1
                continue
            }
            let letter = text[index + 1]
            let width = letter == UInt8(ascii: "x") ? 2 : letter == UInt8(ascii: "u") ? 4 : 0
            if width > 0, let value = hex(text, index + 2, width) {
                out.append(UInt8(truncatingIfNeeded: value))
                index += 2 + width
                continue
            }
            out.append(plain(letter))
            index += 2
        }
    }

    private static func hex(_ text: Span<UInt8>, _ start: Int, _ width: Int) -> UInt32? {
        if start + width > text.count { return nil }
        var value: UInt32 = 0
        for index in start..<(start + width) {
            guard let digit = ByteSearch.hexValue(text[index]) else { return nil }
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    private static func plain(_ letter: UInt8) -> UInt8 {
        switch letter {
        case UInt8(ascii: "n"): 10
        case UInt8(ascii: "r"): 13
        case UInt8(ascii: "t"): 9
        case UInt8(ascii: "b"): 8
        case UInt8(ascii: "f"): 12
        case UInt8(ascii: "v"): 11
        default: letter
        }
    }
}
