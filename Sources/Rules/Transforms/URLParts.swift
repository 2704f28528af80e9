// SPDX-License-Identifier: Apache-2.0
import Wire

/// `url_path`, `url_basename`, `url_querystring`: parts of a URL, cut at the first "?" or "#".
enum URLParts {
    static func path(_ text: Span<UInt8>) -> ByteRange {
        var end = 0
        while end < text.count && text[end] != UInt8(ascii: "?") && text[end] != UInt8(ascii: "#") { end += 1 }
        return ByteRange(0, end)
    }

    /// Behind the last slash of the path.
    static func basename(_ text: Span<UInt8>) -> ByteRange {
        let end = path(text).count
        var start = end
        while start > 0 && text[start - 1] != UInt8(ascii: "/") { start -= 1 }
        return ByteRange(start, end)
    }

    /// Between "?" and "#"; empty when there is none.
    static func query(_ text: Span<UInt8>) -> ByteRange {
        let start = path(text).count
        if start == text.count || text[start] != UInt8(ascii: "?") { return .empty }
        var end = start + 1
        while end < text.count && text[end] != UInt8(ascii: "#") { end += 1 }
        return ByteRange(start + 1, end)
    }
}

/// `base64_encode` (RFC 4648 §4).
enum Base64Encode {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func apply(_ text: Span<UInt8>, into out: inout [UInt8]) {
        var index = 0
        while index < text.count {
            let count = min(3, text.count - index)
            var group = UInt32(text[index]) << 16
            if count > 1 { group |= UInt32(text[index + 1]) << 8 }
            if count > 2 { group |= UInt32(text[index + 2]) }
            for place in 0..<4 {
                let digit = alphabet[Int(group >> UInt32(18 - 6 * place) & 63)]
                out.append(place <= count ? digit : UInt8(ascii: "="))
            }
            index += count
        }
    }
}
