// SPDX-License-Identifier: Apache-2.0

/// For sorted networks: which of them lies directly in which other. Only those that do take memory, 4 bytes each and 1.5 bits for every
/// network, so that a list without nesting pays almost nothing. Immutable.
struct NestedNetworks: Sendable {
    private var flags: [UInt64] = []
    /// Flags set before each word.
    private var ranks: [UInt32] = []
    private var parents: [UInt32] = []

    /// For `count` networks in order; `parent` is asked once for each, in order.
    init(count: Int, parent: (Int) -> Int?) {
        var place = 0
        while place < count {
            if place & 63 == 0 {
                flags.append(0)
                ranks.append(UInt32(parents.count))
            }
            if let parent = parent(place) {
                flags[place >> 6] |= 1 << UInt64(place & 63)
                parents.append(UInt32(parent))
            }
            place += 1
        }
        if parents.isEmpty {
            flags = []
            ranks = []
        }
    }

    var isEmpty: Bool { parents.isEmpty }
    var bytes: Int { flags.capacity * 8 + ranks.capacity * 4 + parents.capacity * 4 }

    /// The network that holds that at `place`, or -1.
    func parent(of place: Int) -> Int {
        if parents.isEmpty { return -1 }
        let word = flags[place >> 6]
        let bit = UInt64(1) << UInt64(place & 63)
        if word & bit == 0 { return -1 }
        return Int(parents[Int(ranks[place >> 6]) + (word & (bit - 1)).nonzeroBitCount])
    }
}
