// SPDX-License-Identifier: Apache-2.0
public import Wire

/// Which of the two lists.
public enum ListName: UInt8, CaseIterable, Sendable {
    case deny, allow

    /// As commands and paths say it.
    public var word: String { self == .deny ? "deny" : "allow" }

    public init?(word: String) {
        guard let name = ListName.allCases.first(where: { $0.word == word }) else { return nil }
        self = name
    }
}

/// One change to the entries of a run. A value that goes to the journal and to every loop.
public enum ListChange: Equatable, Sendable {
    /// A new entry, or another in place of the one with this subject.
    case set(ListName, ListEntry)
    case remove(ListName, ListSubject)

    public var list: ListName {
        switch self {
        case .set(let list, _), .remove(let list, _): list
        }
    }
}

/// The entries of one list that were added at run time, on top of the compiled one: one hash probe for a text, one for each prefix length in use for
/// an address, no allocation. Confined to one worker, which has entries of its own, so that a lookup takes no lock. It cannot be copied: a copy
/// for each question cost five reference counts.
public struct ListOverlay: ~Copyable {
    private struct Row {
        var entry: ListEntry?
        var hash: UInt64
        /// The next row with the same hash, or -1; of a free row the next free one.
        var next: Int32
    }

    private var heads: [UInt64: Int32] = [:]
    private var rows: [Row] = []
    private var free: Int32 = -1
    /// Prefix lengths in use, the longest first, with how many networks have them.
    private var lengths: [(length: Int, count: Int)] = []
    private var kinds = [Int](repeating: 0, count: ListKind.allCases.count)
    private var bodyPrints = 0
    private var sessionPrints = 0
    public private(set) var count = 0
    private let seed: UInt64

    public init(seed: UInt64) { self.seed = seed }

    public var isEmpty: Bool { count == 0 }
    public func has(_ kind: ListKind) -> Bool { kinds[Int(kind.rawValue)] > 0 }
    /// As those of `Denylist`.
    public var needsRequestBody: Bool { bodyPrints > 0 }
    public var hasSessionFingerprints: Bool { sessionPrints > 0 }

    // MARK: Changes

    public mutating func set(_ entry: ListEntry) {
        let hash = hash(entry.subject)
        var row = heads[hash] ?? -1
        while row >= 0 {
            if rows[Int(row)].entry?.subject == entry.subject {
                rows[Int(row)].entry = entry
                return
            }
            row = rows[Int(row)].next
        }
        let new = Row(entry: entry, hash: hash, next: heads[hash] ?? -1)
        if free >= 0 {
            row = free
            free = rows[Int(row)].next
            rows[Int(row)] = new
        } else {
            row = Int32(rows.count)
            rows.append(new)
        }
        heads[hash] = row
        count += 1
        note(entry.subject, 1)
    }

    /// False: there is no such entry.
    @discardableResult
    public mutating func remove(_ subject: ListSubject) -> Bool {
        let hash = hash(subject)
        var before: Int32 = -1
        var row = heads[hash] ?? -1
        while row >= 0 && rows[Int(row)].entry?.subject != subject {
            before = row
            row = rows[Int(row)].next
        }
        if row < 0 { return false }
        let next = rows[Int(row)].next
        if before >= 0 { rows[Int(before)].next = next } else { heads[hash] = next >= 0 ? next : nil }
        rows[Int(row)] = Row(entry: nil, hash: 0, next: free)
        free = row
        count -= 1
        note(subject, -1)
        return true
    }

    private mutating func note(_ subject: ListSubject, _ change: Int) {
        switch subject {
        case .text(let kind, let value):
            kinds[Int(kind.rawValue)] += change
            if kind == .fingerprint && value.starts(with: "http-".utf8) { bodyPrints += change }
            if kind == .fingerprint && value.starts(with: "ssn-".utf8) { sessionPrints += change }
        case .network(let prefix):
            if let place = lengths.firstIndex(where: { $0.length == prefix.length }) {
                lengths[place].count += change
                if lengths[place].count == 0 { lengths.remove(at: place) }
            } else {
                lengths.append((prefix.length, change))
                lengths.sort { $0.length > $1.length }
            }
        }
    }

    // MARK: Lookup

    /// The longest live network that holds `address`; an ended one hides nothing. `now` is in Unix seconds.
    public func find(address: IPAddress, now: Int64) -> ListHit? {
        var index = 0
        while index < lengths.count {
            let length = lengths[index].length
            if address.isIPv4 && length < 96 { return nil }
            let masked = address.masked(to: length)
            var row = heads[hash(masked, length)] ?? -1
            while row >= 0 {
                if case .network(let prefix)? = rows[Int(row)].entry?.subject, prefix.length == length,
                    prefix.address == masked, let hit = hit(row, now)
                {
                    return hit
                }
                row = rows[Int(row)].next
            }
            index += 1
        }
        return nil
    }

    /// The live entry of this kind and text.
    public func find(_ kind: ListKind, _ text: Span<UInt8>, now: Int64) -> ListHit? {
        if kinds[Int(kind.rawValue)] == 0 { return nil }
        var row = heads[TextTable.hash(text, seed: seed &+ UInt64(kind.rawValue))] ?? -1
        while row >= 0 {
            if case .text(let other, let value)? = rows[Int(row)].entry?.subject, other == kind,
                ByteSearch.equals(value.span, text)
            {
                return hit(row, now)
            }
            row = rows[Int(row)].next
        }
        return nil
    }

    private func hit(_ row: Int32, _ now: Int64) -> ListHit? {
        guard let entry = rows[Int(row)].entry, entry.expires > now else { return nil }
        return ListHit(expires: entry.expires, isMonitored: entry.isMonitored, row: UInt32(row), isOverlay: true)
    }

    public func appendReason(of hit: ListHit, to out: inout [UInt8]) {
        if let entry = rows[Int(hit.row)].entry { out += entry.reason }
    }

    private func hash(_ subject: ListSubject) -> UInt64 {
        switch subject {
        case .network(let prefix): hash(prefix.address, prefix.length)
        case .text(let kind, let value): TextTable.hash(value.span, seed: seed &+ UInt64(kind.rawValue))
        }
    }

    private func hash(_ address: IPAddress, _ length: Int) -> UInt64 {
        var value = (address.high ^ seed) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 29 ^ address.low) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 32 ^ UInt64(length) &* 0x9e37_79b9_7f4a_7c15
    }
}
