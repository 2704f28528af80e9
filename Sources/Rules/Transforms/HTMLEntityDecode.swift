// SPDX-License-Identifier: Apache-2.0
import Wire

/// `html_entity_decode`: numeric references and the five names that attacks use; everything else stays.
enum HTMLEntityDecode {
    private static let names: [(StaticString, UInt8)] = [
        ("lt", 60), ("gt", 62), ("amp", 38), ("quot", 34), ("apos", 39), ("nbsp", 32),
    ]

    static func apply(_ text: Span<UInt8>, into out: inout [UInt8]) {
        var index = 0
        while index < text.count {
            if text[index] == UInt8(ascii: "&"), let (byte, next) = reference(text, index + 1) {
                out.append(byte)
                index = next
            } else {
                out.append(text[index])
                index += 1
            }
        }
    }

    /// The byte that the reference behind "&" stands for, and where it ends; the semicolon may be missing, as browsers allow.
    private static func reference(_ text: Span<UInt8>, _ start: Int) -> (UInt8, Int)? {
        if start < text.count && text[start] == UInt8(ascii: "#") { return number(text, start + 1) }
        for index in names.indices {
            let (name, byte) = names[index]
            let end = start + name.utf8CodeUnitCount
            if end > text.count { continue }
            var matched = 0
            while start + matched < end {
                if ByteSearch.lowercased(text[start + matched]) != (unsafe name.utf8Start[matched]) { break }
                matched += 1
            }
            if start + matched == end { return (byte, end < text.count && text[end] == 59 ? end + 1 : end) }
        }
        return nil
    }

    private static func number(_ text: Span<UInt8>, _ start: Int) -> (UInt8, Int)? {
        let isHex = start < text.count && text[start] | 32 == UInt8(ascii: "x")
        var index = isHex ? start + 1 : start
        let first = index
        var value = 0
        while index < text.count, let digit = ByteSearch.hexValue(text[index]), isHex || digit < 10, index - first < 7 {
            value = value * (isHex ? 16 : 10) + Int(digit)
            index += 1
        }
        if index == first { return nil }
        return (UInt8(truncatingIfNeeded: value), index < text.count && text[index] == 59 ? index + 1 : index)
    }
}
