// SPDX-License-Identifier: Apache-2.0

/// The names behind the hashes of accounts, so that a signal can name whom it is about. Bounded: of two generations the older goes as a
/// whole, but for the names that are still told. Confined to the `AttemptLedger`'s lock.
struct AccountNames {
    /// Names of one generation.
    static let generation = 131_072

    private var young: [UInt64: [UInt8]] = [:]
    private var old: [UInt64: [UInt8]] = [:]

    subscript(account: UInt64) -> [UInt8]? { young[account] ?? old[account] }

    /// `turn` is due before the next name.
    var isFull: Bool { young.count >= AccountNames.generation }

    mutating func insert(_ name: [UInt8], for account: UInt64) { if account != 0 { young[account] = name } }

    /// Begins a new generation. Of the one that goes, at most as many as a generation holds are kept.
    mutating func turn(keeping accounts: [UInt64]) {
        var next = young
        young = [:]
        for account in accounts.prefix(AccountNames.generation) {
            if let name = old[account], next[account] == nil { next[account] = name }
        }
        old = next
    }
}
