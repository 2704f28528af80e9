// SPDX-License-Identifier: Apache-2.0
import Wire

/// Texts that may run out. Immutable.
final class ExpiringTexts: Sendable {
    private let strings: ByteStrings
    private let expires: [Int64]

    init(_ entries: [ListedText]) {
        var latest: [[UInt8]: Int64] = [:]
        for entry in entries { latest[entry.text] = max(latest[entry.text] ?? .min, entry.expires) }
        let sorted = latest.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        strings = ByteStrings(sorted.map(\.key))
        expires = sorted.map(\.value)
    }

    func contains(_ text: Span<UInt8>, at unixSeconds: Int64) -> Bool {
        strings.find(text).map { unixSeconds < expires[$0] } ?? false
    }
}

/// Networks that may run out, one table for each prefix length that occurs: one that ran out hides no wider one. Immutable.
final class ExpiringNetworks: Sendable {
    private let tables: [(length: Int, expires: [IPAddress: Int64])]

    init(_ entries: [ListedNetwork]) {
        var tables: [Int: [IPAddress: Int64]] = [:]
        for entry in entries {
            let (address, length) = (entry.network.address, entry.network.length)
            let known = tables[length]?[address] ?? .min
            tables[length, default: [:]][address] = max(known, entry.expires)
        }
        self.tables = tables.sorted { $0.key > $1.key }.map { (length: $0.key, expires: $0.value) }
    }

    func contains(_ address: IPAddress, at unixSeconds: Int64) -> Bool {
        for index in tables.indices {
            if let expires = tables[index].expires[address.masked(to: tables[index].length)], unixSeconds < expires {
                return true
            }
        }
        return false
    }
}
