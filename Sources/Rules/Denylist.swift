// SPDX-License-Identifier: Apache-2.0
public import Wire

/// A compiled list of addresses, networks, user names, ids, user agents and fingerprints, each with an expiry and a reason. Immutable, shared.
/// The same type serves as allowlist.
public final class Denylist: Sendable {
    /// One entry that was found.
    public struct Entry: Sendable {
        public let reason: String
        /// Unix seconds, .max for never.
        public let expires: Int64
        /// Line of its file.
        public let line: Int
        public let file: String
    }

    /// Networks of one prefix length, by hash of the masked address: open addressing, at most half full.
    private struct Length: Sendable {
        let bits: Int
        let keys: [IPAddress]
        let entries: [Int32]
        let mask: Int
    }

    private let lengths: [Length]
    private let logins: ByteStrings
    private let userIDs: ByteStrings
    private let userAgents: ByteStrings
    private let fingerprints: ByteStrings
    private let loginEntries: [Int32]
    private let userIDEntries: [Int32]
    private let userAgentEntries: [Int32]
    private let fingerprintEntries: [Int32]
    private let entries: [Entry]

    init(_ parsed: DenylistReader.Parsed) {
        entries = parsed.entries
        var byLength: [Int: [(IPAddress, Int32)]] = [:]
        for (prefix, entry) in parsed.networks { byLength[prefix.length, default: []].append((prefix.address, entry)) }
        lengths = byLength.keys.sorted(by: >).map { Denylist.table(bits: $0, byLength[$0] ?? [], parsed.entries) }
        func set(_ kind: DenylistReader.Kind) -> (ByteStrings, [Int32]) {
            let list = parsed.texts[kind] ?? []
            return (ByteStrings(list.map(\.0)), list.map(\.1))
        }
        (logins, loginEntries) = set(.login)
        (userIDs, userIDEntries) = set(.userID)
        (userAgents, userAgentEntries) = set(.userAgent)
        (fingerprints, fingerprintEntries) = set(.fingerprint)
        let prints = (parsed.texts[.fingerprint] ?? []).map(\.0)
        needsRequestBody = prints.contains { $0.starts(with: "http-".utf8) }
        hasSessionFingerprints = prints.contains { $0.starts(with: "ssn-".utf8) }
    }

    /// A list without entries.
    public static var empty: Denylist { Denylist(DenylistReader.Parsed()) }

    public var count: Int { entries.count }
    public var isEmpty: Bool { entries.isEmpty }
    public var hasFingerprints: Bool { !fingerprints.isEmpty }
    /// It names fingerprints that are known only with the request's body.
    public let needsRequestBody: Bool
    public let hasSessionFingerprints: Bool

    private static func table(bits: Int, _ list: [(IPAddress, Int32)], _ entries: [Entry]) -> Length {
        var size = 8
        while size < list.count * 2 { size *= 2 }
        var keys = [IPAddress](repeating: IPAddress(high: 0, low: 0), count: size)
        var numbers = [Int32](repeating: -1, count: size)
        for (key, entry) in list {
            var slot = hash(key) & (size - 1)
            while numbers[slot] >= 0 && keys[slot] != key { slot = (slot + 1) & (size - 1) }
            // Of two entries for one network the one that lasts longer counts.
            if numbers[slot] >= 0 && entries[Int(numbers[slot])].expires >= entries[Int(entry)].expires { continue }
            keys[slot] = key
            numbers[slot] = entry
        }
        return Length(bits: bits, keys: keys, entries: numbers, mask: size - 1)
    }

    @inline(__always)
    private static func hash(_ address: IPAddress) -> Int {
        var value = (address.high ^ 0x9e37_79b9_7f4a_7c15) &* 0xbf58_476d_1ce4_e5b9
        value ^= value >> 29
        value = (value ^ address.low) &* 0x94d0_49bb_1331_11eb
        value ^= value >> 32
        return Int(truncatingIfNeeded: value & 0x7fff_ffff_ffff_ffff)
    }

    // MARK: Lookup

    /// The longest live network that holds `address`. An expired entry hides nothing.
    public func find(address: IPAddress, now: Int64) -> Entry? {
        var index = 0
        while index < lengths.count {
            let key = address.masked(to: lengths[index].bits)
            var slot = Denylist.hash(key) & lengths[index].mask
            while lengths[index].entries[slot] >= 0 {
                if lengths[index].keys[slot] == key {
                    let entry = Int(lengths[index].entries[slot])
                    if entries[entry].expires > now { return entries[entry] }
                    break
                }
                slot = (slot + 1) & lengths[index].mask
            }
            index += 1
        }
        return nil
    }

    public func find(login: Span<UInt8>, now: Int64) -> Entry? { live(logins.find(login), loginEntries, now) }
    public func find(userID: Span<UInt8>, now: Int64) -> Entry? { live(userIDs.find(userID), userIDEntries, now) }
    public func find(userAgent: Span<UInt8>, now: Int64) -> Entry? {
        live(userAgents.find(userAgent), userAgentEntries, now)
    }
    public func find(fingerprint: Span<UInt8>, now: Int64) -> Entry? {
        live(fingerprints.find(fingerprint), fingerprintEntries, now)
    }

    private func live(_ found: Int?, _ numbers: borrowing [Int32], _ now: Int64) -> Entry? {
        guard let found else { return nil }
        let entry = Int(numbers[found])
        return entries[entry].expires > now ? entries[entry] : nil
    }
}
