// SPDX-License-Identifier: Apache-2.0

/// Percent-encoding (RFC 3986 §2.1). What is no valid escape stays as it is, as applications read it.
public enum PercentCoding {
    public static func decode(_ text: Span<UInt8>, plusIsSpace: Bool, into out: inout [UInt8]) {
        var index = 0
        while index < text.count {
            let byte = text[index]
            if byte == UInt8(ascii: "%") && index + 2 < text.count, let high = ByteSearch.hexValue(text[index + 1]),
                let low = ByteSearch.hexValue(text[index + 2])
            {
                out.append(high << 4 | low)
                index += 3
                continue
            }
            out.append(plusIsSpace && byte == UInt8(ascii: "+") ? 32 : byte)
            index += 1
        }
    }
}
