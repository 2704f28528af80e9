// SPDX-License-Identifier: Apache-2.0

/// Elements of forwarding headers, taken from the right, and the addresses in them, in every form that proxies write.
public enum ForwardedAddress {
    /// The element that ends at `end`, without the white space around it; moves `end` to the comma before it. nil when nothing is left. A
    /// comma inside a quoted string does not separate.
    public static func previous(in value: Span<UInt8>, before end: inout Int) -> ByteRange? {
        if end < 0 || value.isEmpty { return nil }
        var start = end
        var inQuotes = false
        while start > 0 {
            let byte = value[start - 1]
            if byte == UInt8(ascii: "\"") { inQuotes.toggle() }
            if byte == UInt8(ascii: ",") && !inQuotes { break }
            start -= 1
        }
        let element = ByteSearch.trim(value, ByteRange(start, end))
        end = start - 1
        return element
    }

    /// "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80", each also in double quotes.
    public static func address(_ element: Span<UInt8>) -> IPAddress? {
        var start = 0
        var end = element.count
        if end >= 2 && element[0] == UInt8(ascii: "\"") && element[end - 1] == UInt8(ascii: "\"") {
            start = 1
            end -= 1
        }
        if start == end { return nil }
        if element[start] == UInt8(ascii: "[") {
            guard let close = ByteSearch.find(UInt8(ascii: "]"), in: element, from: start), close < end else {
                return nil
            }
            if close + 1 < end && !isPort(element.extracting((close + 1)..<end)) { return nil }
            return IPAddress(element.extracting((start + 1)..<close))
        }
        if let address = IPAddress(element.extracting(start..<end)) { return address }
        // One colon behind dots: an IPv4 address with a port.
        guard let colon = ByteSearch.find(58, in: element, from: start), colon < end,
            isPort(element.extracting(colon..<end)), let address = IPAddress(element.extracting(start..<colon)),
            address.isIPv4
        else { return nil }
        return address
    }

    private static func isPort(_ text: Span<UInt8>) -> Bool {
        if text.count < 2 || text.count > 6 || text[0] != 58 { return false }
        return ByteSearch.decimal(text.extracting(1..<text.count)) != nil
    }

    /// The address in the `for` parameter of one RFC 7239 element; nil for `unknown`, obfuscated names, and elements without one.
    public static func forwardedFor(_ element: Span<UInt8>) -> IPAddress? {
        var start = 0
        while start < element.count {
            var end = start
            var inQuotes = false
            while end < element.count && (inQuotes || element[end] != UInt8(ascii: ";")) {
                if element[end] == UInt8(ascii: "\"") { inQuotes.toggle() }
                end += 1
            }
            let pair = element.slice(ByteSearch.trim(element, ByteRange(start, end)))
            if pair.count > 4 && ByteSearch.hasPrefixIgnoringCase(pair, "for=".utf8.span) {
                return address(pair.extracting(4..<pair.count))
            }
            start = end + 1
        }
        return nil
    }
}
