// SPDX-License-Identifier: Apache-2.0
public import Wire

/// The four fingerprints of a request in the form that Datadog's engine gives them, so that values can be compared with what operators have.
/// Parts are the first 32 bits of SHA-256 of lower-cased text; an empty input gives an empty part.
public enum Fingerprint {
    /// Names that a bit of the header's print stands for, in their order.
    private static let headerBits: [10 of FieldName] = [
        .referer, .connection, .acceptEncoding, .contentEncoding, .cacheControl, .te, .acceptCharset, .contentType,
        .accept, .acceptLanguage,
    ]
    /// Names that a bit of the network's print stands for; the first two are known fields.
    private static let networkBits: [10 of StaticString] = [
        "x-forwarded-for", "x-real-ip", "true-client-ip", "x-client-ip", "x-forwarded", "forwarded-for",
        "x-cluster-client-ip", "fastly-client-ip", "cf-connecting-ip", "cf-connecting-ipv6",
    ]

    /// `hdr-<bits>-<user agent>-<count of other names>-<their hash>`. Cookies are left out. `names` is working memory.
    public static func appendHeader(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>, names: inout SortedTexts, to out: inout [UInt8]
    ) -> ByteRange {
        let start = out.count
        out.append("hdr-")
        for index in headerBits.indices { out.append(head.contains(headerBits[index]) ? 49 : 48) }
        out.append("-")
        if let index = head.first(.userAgent) { appendHash(bytes.slice(head.fields[index].value), to: &out) }
        out.append("-")
        names.reset()
        addOtherNames(head, bytes, to: &names)
        out.append(decimal: UInt64(names.count))
        out.append("-")
        if names.count > 0 { appendHash(to: &out) { names.join(escapingCommas: false, into: &$0) } }
        return ByteRange(start, out.count)
    }

    /// `net-<addresses in the first forwarding header>-<bits>`.
    public static func appendNetwork(_ head: borrowing RequestHead, _ bytes: Span<UInt8>, to out: inout [UInt8])
        -> ByteRange
    {
        let start = out.count
        var places = InlineArray<10, Int>(repeating: -1)
        for index in head.fields.indices {
            let number = networkBit(head.fields[index], bytes)
            if number >= 0 && places[number] < 0 { places[number] = index }
        }
        var count = 0
        for number in places.indices where places[number] >= 0 {
            count = 1
            let value = bytes.slice(head.fields[places[number]].value)
            for place in value.indices where value[place] == UInt8(ascii: ",") { count += 1 }
            break
        }
        out.append("net-")
        out.append(decimal: UInt64(count))
        out.append("-")
        for number in places.indices { out.append(places[number] >= 0 ? 49 : 48) }
        return ByteRange(start, out.count)
    }

    /// Which of `networkBits` a field is, or -1.
    private static func networkBit(_ field: HeadField, _ bytes: Span<UInt8>) -> Int {
        switch field.known {
        case .xForwardedFor: return 0
        case .xRealIP: return 1
        case .other:
            let name = bytes.slice(field.name)
            for number in 2..<10 where ByteScan.equalsFolding(name, networkBits[number]) { return number }
            return -1
        default: return -1
        }
    }

    /// `http-<method>-<path>-<query names>-<body names>`.
    public static func appendHTTP(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>, query: borrowing NamedValues, body: borrowing NamedValues,
        names: inout SortedTexts, to out: inout [UInt8]
    ) -> ByteRange {
        let start = out.count
        out.append("http-")
        let method = bytes.slice(head.methodRange)
        for index in method.indices { out.append(ByteSearch.lowercased(method[index])) }
        out.append("-")
        if !head.path.isEmpty { appendHash(bytes.slice(head.path), to: &out) }
        out.append("-")
        appendNames(query, &names, to: &out)
        out.append("-")
        appendNames(body, &names, to: &out)
        return ByteRange(start, out.count)
    }

    /// `ssn-<user id>-<cookie names>-<cookie values>-`; empty when there is neither user nor cookie.
    public static func appendSession(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>, userID: Span<UInt8>, names pairs: inout SortedTexts,
        to out: inout [UInt8]
    ) -> ByteRange {
        pairs.reset()
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
        if pairs.count > 0 { appendHash(to: &out) { pairs.join(escapingCommas: true, into: &$0) } }
        out.append("-")
        if pairs.count > 0 { appendHash(to: &out) { pairs.joinValues(into: &$0) } }
        out.append("-")
        return ByteRange(start, out.count)
    }

    // MARK: Parts

    /// Eight hexadecimal digits of what the text is in lower case.
    static func appendHash(_ text: Span<UInt8>, to out: inout [UInt8]) {
        appendHash(to: &out) { out in
            out.reserveCapacity(out.count + text.count)
            for index in text.indices { out.append(ByteSearch.lowercased(text[index])) }
        }
    }

    /// Eight hexadecimal digits of the text that `write` appends, which is taken off again: no memory of its own.
    static func appendHash(to out: inout [UInt8], _ write: (inout [UInt8]) -> Void) {
        let start = out.count
        write(&out)
        let word = Digest.head(of: out.span.extracting(start...))
        out.removeLast(out.count - start)
        appendDigits(word, to: &out)
    }

    private static func appendDigits(_ word: UInt32, to out: inout [UInt8]) {
        for place in 0..<8 as Range<UInt32> {
            let digit = UInt8(truncatingIfNeeded: word >> (28 - 4 * place) & 15)
            out.append(digit < 10 ? 48 + digit : 87 + digit)
        }
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
                if isListed(name) || isTracing(name) { continue }
            default: break
            }
            names.add(bytes.slice(head.fields[index].name), dashes: true, isUnique: true)
        }
    }

    private static func isTracing(_ name: Span<UInt8>) -> Bool {
        name.count >= 9 && sameName(name.extracting(0..<9), "x-datadog")
    }

    /// Whether a field without a known name stands for one that has a bit: spelt with underscores, or of the network's.
    private static func isListed(_ name: Span<UInt8>) -> Bool {
        for index in headerBits.indices where sameName(name, headerBits[index].text) { return true }
        for index in networkBits.indices where sameName(name, networkBits[index]) { return true }
        return false
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
    private static func appendNames(_ values: borrowing NamedValues, _ names: inout SortedTexts, to out: inout [UInt8])
    {
        if values.entries.isEmpty { return }
        names.reset()
        for index in values.entries.indices {
            let name = values.arena.span.slice(values.entries[index].name)
            let dot = ByteSearch.find(UInt8(ascii: "."), in: name) ?? name.count
            names.add(name.extracting(0..<dot), isUnique: true)
        }
        appendHash(to: &out) { names.join(escapingCommas: true, into: &$0) }
    }
}
