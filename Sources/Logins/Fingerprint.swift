// SPDX-License-Identifier: Apache-2.0
public import Wire

/// The four fingerprints of a request in the form that Datadog's engine gives them, so that values can be compared with what operators have.
/// Parts are the first 32 bits of SHA-256 of lower-cased text; an empty input gives an empty part.
public enum Fingerprint {
    /// Header names that a bit stands for, in their order.
    private static let headerBits: [StaticString] = [
        "referer", "connection", "accept-encoding", "content-encoding", "cache-control", "te", "accept-charset",
        "content-type",
        "accept", "accept-language",
    ]
    private static let networkBits: [StaticString] = [
        "x-forwarded-for", "x-real-ip", "true-client-ip", "x-client-ip", "x-forwarded", "forwarded-for",
        "x-cluster-client-ip",
        "fastly-client-ip", "cf-connecting-ip", "cf-connecting-ipv6",
    ]

    /// `hdr-<bits>-<user agent>-<count of other names>-<their hash>`. Cookies are left out.
    public static func appendHeader(_ head: borrowing RequestHead, _ bytes: Span<UInt8>, to out: inout [UInt8])
        -> ByteRange
    {
        let start = out.count
        out.append("hdr-")
        appendBits(headerBits, head, bytes, to: &out)
        out.append("-")
        if let index = head.first(.userAgent) { appendHash(bytes.slice(head.fields[index].value), to: &out) }
        out.append("-")
        var others = SortedTexts()
        addOtherNames(head, bytes, to: &others)
        out.append(contentsOf: String(others.count).utf8)
        out.append("-")
        if others.count > 0 { appendHash(of: others.joined(escapingCommas: false), to: &out) }
        return ByteRange(start, out.count)
    }

    /// `net-<addresses in the first forwarding header>-<bits>`.
    public static func appendNetwork(_ head: borrowing RequestHead, _ bytes: Span<UInt8>, to out: inout [UInt8])
        -> ByteRange
    {
        let start = out.count
        out.append("net-")
        var count = 0
        for name in networkBits {
            guard let index = find(name, head, bytes) else { continue }
            count = 1
            let value = bytes.slice(head.fields[index].value)
            for place in value.indices where value[place] == UInt8(ascii: ",") { count += 1 }
            break
        }
        out.append(contentsOf: String(count).utf8)
        out.append("-")
        appendBits(networkBits, head, bytes, to: &out)
        return ByteRange(start, out.count)
    }

    /// `http-<method>-<path>-<query names>-<body names>`.
    public static func appendHTTP(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>, query: borrowing NamedValues, body: borrowing NamedValues,
        to out: inout [UInt8]
    ) -> ByteRange {
        let start = out.count
        out.append("http-")
        let method = bytes.slice(head.methodRange)
        for index in method.indices { out.append(ByteSearch.lowercased(method[index])) }
        out.append("-")
        if !head.path.isEmpty { appendHash(bytes.slice(head.path), to: &out) }
        out.append("-")
        appendNames(query, to: &out)
        out.append("-")
        appendNames(body, to: &out)
        return ByteRange(start, out.count)
    }

    /// `ssn-<user id>-<cookie names>-<cookie values>-`; empty when there is neither user nor cookie.
    public static func appendSession(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>, userID: Span<UInt8>, to out: inout [UInt8]
    ) -> ByteRange {
        var pairs = SortedTexts()
        for index in head.fields.indices where head.fields[index].known == .cookie {
            let value = bytes.slice(head.fields[index].value)
            var from = 0
            while let pair = CookieReader.next(in: value, from: &from), pairs.count < SortedTexts.limit {
                pairs.add(value.slice(pair.name), value.slice(pair.value), isUnique: false)
            }
        }
        if pairs.count == 0 && userID.isEmpty { return .empty }
        let start = out.count
        out.append("ssn-")
        if !userID.isEmpty { appendHash(userID, to: &out) }
        out.append("-")
        if pairs.count > 0 { appendHash(of: pairs.joined(escapingCommas: true), to: &out) }
        out.append("-")
        if pairs.count > 0 { appendHash(of: pairs.joinedValues(), to: &out) }
        out.append("-")
        return ByteRange(start, out.count)
    }

    // MARK: Parts

    /// Eight hexadecimal digits of what the text is in lower case.
    static func appendHash(_ text: Span<UInt8>, to out: inout [UInt8]) {
        var folded: [UInt8] = []
        folded.reserveCapacity(text.count)
        for index in text.indices { folded.append(ByteSearch.lowercased(text[index])) }
        appendHash(of: folded, to: &out)
    }

    /// Eight hexadecimal digits of a text as it is.
    private static func appendHash(of text: [UInt8], to out: inout [UInt8]) {
        appendDigits(Digest.head(of: text.span), to: &out)
    }

    private static func appendDigits(_ word: UInt32, to out: inout [UInt8]) {
        for place in 0..<8 as Range<UInt32> {
            let digit = UInt8(truncatingIfNeeded: word >> (28 - 4 * place) & 15)
            out.append(digit < 10 ? 48 + digit : 87 + digit)
        }
    }

    private static func appendBits(
        _ names: [StaticString], _ head: borrowing RequestHead, _ bytes: Span<UInt8>, to out: inout [UInt8]
    ) {
        for name in names { out.append(find(name, head, bytes) == nil ? 48 : 49) }
    }

    private static func find(_ name: StaticString, _ head: borrowing RequestHead, _ bytes: Span<UInt8>) -> Int? {
        for index in head.fields.indices where head.fields[index].name.count == name.utf8CodeUnitCount {
            let text = bytes.slice(head.fields[index].name)
            var matched = 0
            while matched < text.count {
                if ByteSearch.lowercased(text[matched]) != (unsafe name.utf8Start[matched]) { break }
                matched += 1
            }
            if matched == text.count { return index }
        }
        return nil
    }

    /// Adds the lower-case names that have no bit of their own.
    private static func addOtherNames(_ head: borrowing RequestHead, _ bytes: Span<UInt8>, to names: inout SortedTexts)
    {
        for index in head.fields.indices {
            switch head.fields[index].known {
            // Those with a bit, the agent, which has a part of its own, and cookies, which belong to the session.
            case .userAgent, .cookie, .referer, .connection, .acceptEncoding, .contentEncoding, .cacheControl, .te,
                .acceptCharset, .contentType, .accept, .acceptLanguage, .xForwardedFor, .xRealIP:
                continue
            case .other, .lookalike:
                let name = bytes.slice(head.fields[index].name)
                if isListed(name, headerBits) || isListed(name, networkBits) || isTracing(name) { continue }
            default: break
            }
            names.add(bytes.slice(head.fields[index].name), dashes: true, isUnique: true)
        }
    }

    private static func isTracing(_ name: Span<UInt8>) -> Bool {
        name.count >= 9 && sameName(name.extracting(0..<9), "x-datadog")
    }

    private static func isListed(_ name: Span<UInt8>, _ list: [StaticString]) -> Bool {
        list.contains { sameName(name, $0) }
    }

    /// Whether a name is `known` (lower case, with dashes) when case and the kind of dash do not count.
    private static func sameName(_ name: Span<UInt8>, _ known: StaticString) -> Bool {
        if name.count != known.utf8CodeUnitCount { return false }
        for index in name.indices {
            let byte = name[index] == UInt8(ascii: "_") ? UInt8(ascii: "-") : ByteSearch.lowercased(name[index])
            if byte != (unsafe known.utf8Start[index]) { return false }
        }
        return true
    }

    /// Top-level names, once each, sorted and joined.
    private static func appendNames(_ values: borrowing NamedValues, to out: inout [UInt8]) {
        if values.entries.isEmpty { return }
        var names = SortedTexts()
        for index in values.entries.indices {
            let name = values.arena.span.slice(values.entries[index].name)
            let dot = ByteSearch.find(UInt8(ascii: "."), in: name) ?? name.count
            names.add(name.extracting(0..<dot), isUnique: true)
        }
        appendHash(of: names.joined(escapingCommas: true), to: &out)
    }
}
