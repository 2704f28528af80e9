// SPDX-License-Identifier: Apache-2.0
public import Wire

/// A compiled list of addresses, networks, user names, ids, tokens, user agents, fingerprints, ASNs and countries, each with an expiry, a reason,
/// a source and a time: ten million of them cost a request what ten cost. Immutable, shared. The same type serves as allowlist.
public final class Denylist: Sendable {
    private let v4: IPv4Table
    private let v6: IPv6Table
    /// By `ListKind.rawValue`.
    private let texts: [TextTable]
    private let details: ListDetails
    private let files: [String]
    public let count: Int

    init(_ parsed: consuming DenylistReader.Parsed) {
        v4 = IPv4Table(parsed.v4)
        parsed.v4 = []
        v6 = IPv6Table(parsed.v6)
        parsed.v6 = []
        for kind in parsed.texts.indices { parsed.texts[kind].finish() }
        parsed.details.finish()
        texts = parsed.texts
        details = parsed.details
        files = parsed.files
        count = v4.count + v6.count + texts.reduce(0) { $0 + $1.count }
        hasAddresses = v4.count + v6.count > 0
        let prints = texts[Int(ListKind.fingerprint.rawValue)]
        needsRequestBody = prints.containsPrefix("http-".utf8.span)
        hasSessionFingerprints = prints.containsPrefix("ssn-".utf8.span)
    }

    /// A list without entries.
    public static let empty = Denylist(DenylistReader.Parsed(seed: 0))

    public var isEmpty: Bool { count == 0 }
    /// Networks of both families.
    public let hasAddresses: Bool
    public var hasFingerprints: Bool { has(.fingerprint) }
    /// It names fingerprints that are known only with the request's body.
    public let needsRequestBody: Bool
    public let hasSessionFingerprints: Bool

    public func has(_ kind: ListKind) -> Bool { !texts[Int(kind.rawValue)].isEmpty }

    /// Bytes that it takes: networks of IPv4, networks of IPv6, texts.
    public var memory: (v4: Int, v6: Int, texts: Int) {
        (v4.bytes, v6.bytes, texts.reduce(0) { $0 + $1.bytes })
    }

    // MARK: Lookup

    /// The longest live network that holds `address`. An expired entry hides nothing. `now` is in Unix seconds.
    public func find(address: IPAddress, now: Int64) -> ListHit? {
        let second = ListFate.seconds(now)
        let fate = address.isIPv4 ? v4.find(address.v4, now: second) : v6.find(address, now: second)
        return fate.map(hit)
    }

    /// The live entry of this kind and text.
    public func find(_ kind: ListKind, _ text: Span<UInt8>, now: Int64) -> ListHit? {
        guard let fate = texts[Int(kind.rawValue)].find(text), fate.expires > ListFate.seconds(now) else { return nil }
        return hit(fate)
    }

    private func hit(_ fate: ListFate) -> ListHit {
        ListHit(
            expires: Denylist.end(fate),
            isMonitored: details.hasMonitored && details.rows[Int(fate.detail)].isMonitored,
            row: fate.detail, isOverlay: false)
    }

    private static func end(_ fate: ListFate) -> Int64 {
        fate.expires == ListFate.never ? .max : Int64(fate.expires)
    }

    public func appendReason(of hit: ListHit, to out: inout [UInt8]) {
        let range = details.rows[Int(hit.row)].reason
        let texts = details.texts
        out.append(texts.span.slice(range))
    }

    // MARK: For people

    /// Every entry, until `body` says false.
    public func forEach(_ body: (ListEntry) -> Bool) {
        var goesOn = true
        v4.forEach { address, length, fate in
            let prefix = IPPrefix(IPAddress(v4: address), length: 96 + length)
            goesOn = body(entry(.network(prefix), fate))
            return goesOn
        }
        if goesOn {
            v6.forEach { address, length, fate in
                goesOn = body(entry(.network(IPPrefix(address, length: length)), fate))
                return goesOn
            }
        }
        for kind in ListKind.allCases where goesOn {
            texts[Int(kind.rawValue)].forEach { text, fate in
                var bytes: [UInt8] = []
                bytes.append(text)
                goesOn = body(entry(.text(kind, bytes), fate))
                return goesOn
            }
        }
    }

    private func entry(_ subject: ListSubject, _ fate: ListFate) -> ListEntry {
        let row = details.rows[Int(fate.detail)]
        let source = row.source.isEmpty ? Array(files[Int(row.file)].utf8) : Array(details.texts[row.source.bounds])
        return ListEntry(
            subject: subject, expires: Denylist.end(fate), reason: Array(details.texts[row.reason.bounds]),
            source: source, time: row.time, isMonitored: row.isMonitored)
    }
}
