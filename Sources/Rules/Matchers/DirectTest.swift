// SPDX-License-Identifier: Apache-2.0
import Wire

/// A test that needs no pattern engine: compares bytes, numbers or networks. Sets `bit` when it holds.
struct DirectTest: Sendable {
    enum Kind: Sendable {
        case equals([UInt8])
        case oneOf(ByteStrings)
        case prefix([UInt8])
        case suffix([UInt8])
        case greater(Double)
        case less(Double)
        case network(IPPrefixSet)
    }

    let kind: Kind
    /// The texts above are lower case then.
    let caseInsensitive: Bool
    let bit: Int

    func matches(_ value: Span<UInt8>) -> Bool {
        switch kind {
        case .equals(let text): return value.count == text.count && same(value, text.span)
        case .prefix(let text):
            return value.count >= text.count && same(value.extracting(0..<text.count), text.span)
        case .suffix(let text):
            return value.count >= text.count
                && same(value.extracting((value.count - text.count)..<value.count), text.span)
        case .oneOf(let texts): return texts.contains(value)
        case .greater(let limit): return DecimalNumber.parse(value).map { $0 > limit } ?? false
        case .less(let limit): return DecimalNumber.parse(value).map { $0 < limit } ?? false
        case .network(let set): return ForwardedAddress.address(value).map { set.contains($0) } ?? false
        }
    }

    private func same(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        caseInsensitive ? ByteSearch.equalsIgnoringCase(left, right) : ByteSearch.equals(left, right)
    }
}

/// Numbers as people write them in forms and headers: sign, digits, fraction.
enum DecimalNumber {
    static func parse(_ text: Span<UInt8>) -> Double? {
        var index = 0
        var negative = false
        if index < text.count && text[index] == UInt8(ascii: "-") {
            negative = true
            index += 1
        }
        var value = 0.0
        var scale = 0.0
        var digits = 0
        while index < text.count && digits < 40 {
            let byte = text[index]
            if byte == UInt8(ascii: ".") && scale == 0 && digits > 0 {
                scale = 1
            } else if byte >= 48 && byte <= 57 {
                value = value * 10 + Double(byte - 48)
                scale *= 10
                digits += 1
            } else {
                return nil
            }
            index += 1
        }
        if digits == 0 || index < text.count { return nil }
        let result = scale > 1 ? value / scale : value
        return negative ? -result : result
    }
}
