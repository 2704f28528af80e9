// SPDX-License-Identifier: Apache-2.0
import Wire

/// How many connections each address (IPv6: prefix) holds at one loop. A table of fixed size, without allocation: an address that finds no
/// place is not counted, which costs an attacker with 12 000 addresses nothing that he had not already paid for. Confined to its worker.
struct AddressCounts: ~Copyable {
    private struct Entry {
        var address = IPAddress(high: 0, low: 0)
        /// 0: nobody stands here.
        var count: UInt32 = 0
    }

    private static let size = 16_384
    private static let most = size / 4 * 3

    private var entries = [Entry](repeating: Entry(), count: size)
    private var used = 0
    private let seed: UInt64

    init(seed: UInt64) { self.seed = seed }

    /// Takes one more connection in; false: the address has `limit` of them.
    mutating func add(_ address: IPAddress, limit: Int) -> Bool {
        let place = find(address)
        if entries[place].count == 0 {
            if used >= AddressCounts.most { return true }
            entries[place].address = address
            used += 1
        }
        if Int(entries[place].count) >= limit { return false }
        entries[place].count += 1
        return true
    }

    /// A connection that `add` took in has ended.
    mutating func remove(_ address: IPAddress) {
        var hole = find(address)
        if entries[hole].count == 0 { return }
        entries[hole].count -= 1
        if entries[hole].count > 0 { return }
        used -= 1
        // Whoever stands behind the hole and would be found before it moves up, so that no search ends too early.
        var place = hole
        while true {
            place = (place + 1) & (AddressCounts.size - 1)
            if entries[place].count == 0 { break }
            let home = slot(entries[place].address)
            if (place &- home) & (AddressCounts.size - 1) >= (place &- hole) & (AddressCounts.size - 1) {
                entries[hole] = entries[place]
                hole = place
            }
        }
        entries[hole] = Entry()
    }

    private func find(_ address: IPAddress) -> Int {
        var place = slot(address)
        while entries[place].count > 0 && entries[place].address != address {
            place = (place + 1) & (AddressCounts.size - 1)
        }
        return place
    }

    /// Seeded, so that nobody outside can choose addresses that fall together.
    private func slot(_ address: IPAddress) -> Int {
        var value = (address.high ^ seed) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 29 ^ address.low) &* 0x94d0_49bb_1331_11eb
        return Int(truncatingIfNeeded: (value ^ value >> 32) & UInt64(AddressCounts.size - 1))
    }
}
