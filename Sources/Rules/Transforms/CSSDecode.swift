// SPDX-License-Identifier: Apache-2.0
import Wire

/// `css_decode`: a backslash with one to six hexadecimal digits and one white space behind it is a code point (CSS Syntax 3 §4.3.7), before a
/// line feed it joins lines, else it goes.
enum CSSDecode {
    static func apply(_ text: Span<UInt8>, into out: inout [UInt8]) {
        var index = 0
        while index < text.count {
            if text[index] != UInt8(ascii: "\\") {
                out.append(text[index])
                index += 1
                continue
            }
            index += 1
            var value: UInt32 = 0
            let first = index
            while index < text.count, index - first < 6, let digit = ByteSearch.hexValue(text[index]) {
                value = value << 4 | UInt32(digit)
                index += 1
            }
            if index > first {
                CodePoint.append(value == 0 ? 0xfffd : value, to: &out)
                if index < text.count && Whitespace.isSpace(text[index]) { index += 1 }
            } else if index < text.count {
                if text[index] != 10 { out.append(text[index]) }
                index += 1
            }
        }
    }
}

/// `url_decode_iis`: twice, as some servers do, and the second time also "%uHHHH", which becomes UTF-8.
enum URLDecodeIIS {
    static func apply(_ text: Span<UInt8>, into out: inout [UInt8]) {
        var once: [UInt8] = []
        PercentCoding.decode(text, plusIsSpace: true, into: &once)
        again(once.span, into: &out)
    }

    private static func again(_ text: Span<UInt8>, into out: inout [UInt8]) {
        var index = 0
        while index < text.count {
            let byte = text[index]
            if byte == UInt8(ascii: "%") {
                if index + 2 < text.count, let high = ByteSearch.hexValue(text[index + 1]),
                    let low = ByteSearch.hexValue(text[index + 2])
                {
                    out.append(high << 4 | low)
                    index += 3
                    continue
                }
                if index + 5 < text.count, text[index + 1] | 32 == UInt8(ascii: "u"), let value = four(text, index + 2)
                {
                    CodePoint.append(value, to: &out)
                    index += 6
                    continue
                }
            }
            out.append(byte)
            index += 1
        }
    }

    private static func four(_ text: Span<UInt8>, _ start: Int) -> UInt32? {
        var value: UInt32 = 0
        for index in start..<(start + 4) {
            guard let digit = ByteSearch.hexValue(text[index]) else { return nil }
            value = value << 4 | UInt32(digit)
        }
        return value
    }
}

/// Code points as UTF-8.
enum CodePoint {
    /// What is no code point becomes U+FFFD.
    static func append(_ value: UInt32, to out: inout [UInt8]) {
        guard let scalar = Unicode.Scalar(value), let bytes = Unicode.UTF8.encode(scalar) else {
            out += [0xef, 0xbf, 0xbd]
            return
        }
        for byte in bytes { out.append(byte) }
    }
}
