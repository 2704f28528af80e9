// SPDX-License-Identifier: Apache-2.0
package import Wire

/// The four fingerprints of a request in the form that Datadog's engine gives them, so that values can be compared with what operators have.
/// Parts are the first 32 bits of SHA-256 of lower-cased text; an empty input gives an empty part.
package enum Fingerprint {
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
    package static func appendHeader(_ head: borrowing RequestHead, _ bytes: Span<UInt8>, to out: inout [UInt8])
        -> ByteRange
    {
        let start = out.count
        out.append("hdr-")
        appendBits(headerBits, head, bytes, to: &out)
        out.append("-")
        if let index = head.first(.userAgent) {
            var text: [UInt8] = []
            text.append(bytes.slice(head.fields[index].value))
            appendHash(text.span, to: &out)
        }
        out.append("-")
        let others = otherNames(head, bytes)
        out.append(contentsOf: String(others.count).utf8)
        out.append("-")
        var joined: [UInt8] = []
        for index in others.indices {
            if index > 0 { joined.append(UInt8(ascii: ",")) }
            joined += others[index]
        }
        if !joined.isEmpty { appendHash(joined.span, to: &out) }
        return ByteRange(start, out.count)
    }

    /// `net-<addresses in the first forwarding header>-<bits>`.
    package static func appendNetwork(_ head: borrowing RequestHead, _ bytes: Span<UInt8>, to out: inout [UInt8])
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
    package static func appendHTTP(
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
    package static func appendSession(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>, userID: Span<UInt8>, to out: inout [UInt8]
    ) -> ByteRange {
        var pairs: [(name: [UInt8], value: [UInt8])] = []
        for index in head.fields.indices where head.fields[index].known == .cookie {
            let value = bytes.slice(head.fields[index].value)
            var from = 0
            while let pair = CookieReader.next(in: value, from: &from), pairs.count < 256 {
                var name: [UInt8] = []
                name.append(value.slice(pair.name))
                var content: [UInt8] = []
                content.append(value.slice(pair.value))
                pairs.append((lowercased(name), content))
            }
        }
        if pairs.isEmpty && userID.isEmpty { return .empty }
        let start = out.count
        out.append("ssn-")
        if !userID.isEmpty { appendHash(userID, to: &out) }
        out.append("-")
        pairs.sort { $0.name.lexicographicallyPrecedes($1.name) }
        let names = join(pairs.map(\.name))
        if !names.isEmpty { appendHash(names.span, to: &out) }
        out.append("-")
        let values = join(pairs.map(\.value))
        if !pairs.isEmpty { appendHash(values.span, foldsCase: false, to: &out) }
        out.append("-")
        return ByteRange(start, out.count)
    }

    // MARK: Parts

    /// Eight hexadecimal digits.
    static func appendHash(_ text: Span<UInt8>, foldsCase: Bool = true, to out: inout [UInt8]) {
        var hash = SHA256()
        for index in text.indices { hash.update(foldsCase ? ByteSearch.lowercased(text[index]) : text[index]) }
        let word = hash.finish()[0]
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

    /// Lower-case names that have no bit of their own, sorted.
    private static func otherNames(_ head: borrowing RequestHead, _ bytes: Span<UInt8>) -> [[UInt8]] {
        var names: [[UInt8]] = []
        for index in head.fields.indices {
            let known = head.fields[index].known
            if known == .userAgent || known == .cookie { continue }
            var name: [UInt8] = []
            let text = bytes.slice(head.fields[index].name)
            for place in text.indices {
                name.append(text[place] == UInt8(ascii: "_") ? UInt8(ascii: "-") : ByteSearch.lowercased(text[place]))
            }
            if isListed(name, headerBits) || isListed(name, networkBits) || name.starts(with: "x-datadog".utf8) {
                continue
            }
            if !names.contains(name) { names.append(name) }
        }
        return names.sorted { $0.lexicographicallyPrecedes($1) }
    }

    private static func isListed(_ name: [UInt8], _ list: [StaticString]) -> Bool {
        list.contains { name.count == $0.utf8CodeUnitCount && name.elementsEqual("\($0)".utf8) }
    }

    /// Top-level names, once each, sorted and joined.
    private static func appendNames(_ values: borrowing NamedValues, to out: inout [UInt8]) {
        var names: [[UInt8]] = []
        for index in values.entries.indices {
            var name: [UInt8] = []
            name.append(values.arena.span.slice(values.entries[index].name))
            if let dot = name.firstIndex(of: UInt8(ascii: ".")) { name.removeLast(name.count - dot) }
            let folded = lowercased(name)
            if !names.contains(folded) { names.append(folded) }
        }
        if names.isEmpty { return }
        appendHash(join(names.sorted { $0.lexicographicallyPrecedes($1) }).span, to: &out)
    }

    private static func join(_ parts: [[UInt8]]) -> [UInt8] {
        var out: [UInt8] = []
        for index in parts.indices {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            for byte in parts[index] {
                if byte == UInt8(ascii: ",") { out.append(UInt8(ascii: "\\")) }
                out.append(byte)
            }
        }
        return out
    }

    private static func lowercased(_ text: [UInt8]) -> [UInt8] { text.map { ByteSearch.lowercased($0) } }
}
