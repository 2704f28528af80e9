// SPDX-License-Identifier: Apache-2.0

/// The leaf loops: compare, find, fold. Each is one pass without allocation.
public enum ByteSearch {
    public static func equals(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool { ByteScan.equals(left, right) }

    /// ASCII letters compare without case.
    public static func equalsIgnoringCase(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        if left.count != right.count { return false }
        var index = 0
        while index < left.count {
            if left[index] != right[index] && lowercased(left[index]) != lowercased(right[index]) { return false }
            index += 1
        }
        return true
    }

    /// Whether CGI and its heirs give both field names the same variable: letters compare without case, digits as they are, and all
    /// other characters are one (`X_Real_IP`, `x-real.ip`).
    public static func namesSameVariable(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        if left.count != right.count { return false }
        var index = 0
        while index < left.count {
            if variable(left[index]) != variable(right[index]) { return false }
            index += 1
        }
        return true
    }

    @inline(__always)
    static func variable(_ byte: UInt8) -> UInt8 { ByteClass.isAlphanumeric(byte) ? lowercased(byte) : 45 }

    public static func hasPrefixIgnoringCase(_ text: Span<UInt8>, _ prefix: Span<UInt8>) -> Bool {
        text.count >= prefix.count && equalsIgnoringCase(text.extracting(0..<prefix.count), prefix)
    }

    @inline(__always)
    public static func lowercased(_ byte: UInt8) -> UInt8 { byte >= 65 && byte <= 90 ? byte | 32 : byte }

    /// Offset of the first `byte` at or behind `start`, or nil.
    public static func find(_ byte: UInt8, in text: Span<UInt8>, from start: Int = 0) -> Int? {
        if start >= text.count { return nil }
        let index = ByteScan.find(byte, text, from: start)
        return index == text.count ? nil : index
    }

    /// The range without spaces and tabs at its ends.
    public static func trim(_ text: Span<UInt8>, _ range: ByteRange) -> ByteRange {
        var start = Int(range.start)
        var end = Int(range.end)
        while start < end && (text[start] == 32 || text[start] == 9) { start += 1 }
        while end > start && (text[end - 1] == 32 || text[end - 1] == 9) { end -= 1 }
        return ByteRange(start, end)
    }

    /// Whether a comma-separated list holds `token`, without case.
    public static func containsToken(_ list: Span<UInt8>, _ token: Span<UInt8>) -> Bool {
        var start = 0
        while start <= list.count {
            let end = find(UInt8(ascii: ","), in: list, from: start) ?? list.count
            let item = trim(list, ByteRange(start, end))
            if item.count == token.count && equalsIgnoringCase(list.slice(item), token) { return true }
            start = end + 1
        }
        return false
    }

    /// One or more tokens with commas between them.
    public static func isTokenList(_ list: Span<UInt8>) -> Bool {
        var start = 0
        while start <= list.count {
            let end = find(UInt8(ascii: ","), in: list, from: start) ?? list.count
            let item = list.slice(trim(list, ByteRange(start, end)))
            if item.isEmpty { return false }
            for index in item.indices where !ByteClass.isToken(item[index]) { return false }
            start = end + 1
        }
        return true
    }

    /// Value of a hexadecimal digit, or nil.
    @inline(__always)
    public static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }

    /// A decimal number without sign, or nil when it is none or does not fit.
    public static func decimal(_ text: Span<UInt8>) -> UInt64? {
        if text.isEmpty || text.count > 19 { return nil }
        var number: UInt64 = 0
        for index in text.indices {
            if text[index] < 48 || text[index] > 57 { return nil }
            number = number * 10 + UInt64(text[index] - 48)
        }
        return number
    }
}
