// SPDX-License-Identifier: Apache-2.0
public import Wire

/// The addresses that come most often among any number of them, in bounded memory (space-saving: Metwally, Agrawal, El Abbadi 2005): a
/// count is never too small, and too large by at most 1/16 of all. Confined to its owner.
public struct HeavyAddresses: Sendable {
    private static let limit = 16

    private var entries: [(address: IPAddress, count: UInt64)] = []
    public private(set) var total: UInt64 = 0

    public init() {}

    public mutating func take(_ address: IPAddress) {
        total += 1
        if let index = entries.firstIndex(where: { $0.address == address }) {
            entries[index].count += 1
            return
        }
        if entries.count < Self.limit {
            entries.append((address, 1))
            return
        }
        guard let least = entries.indices.min(by: { entries[$0].count < entries[$1].count }) else { return }
        entries[least] = (address, entries[least].count + 1)
    }

    /// Adds what another one counted.
    public mutating func add(_ other: HeavyAddresses) {
        total += other.total
        for entry in other.entries {
            if let index = entries.firstIndex(where: { $0.address == entry.address }) {
                entries[index].count += entry.count
            } else {
                entries.append(entry)
            }
        }
        entries = Array(entries.sorted { $0.count > $1.count }.prefix(Self.limit))
    }

    /// The heaviest and its share of all, 0 to 1.
    public var top: (address: IPAddress, share: Double)? {
        guard let most = entries.max(by: { $0.count < $1.count }), total > 0 else { return nil }
        return (most.address, min(1, Double(most.count) / Double(total)))
    }
}
