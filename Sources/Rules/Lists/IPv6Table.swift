// SPDX-License-Identifier: Apache-2.0
import Wire

/// Networks of IPv6 in the order of their first addresses, under a tree that looks only at bits in which addresses differ: wherever the operator's
/// networks crowd together, a lookup takes few steps. About 27 bytes a network, and 4 more where one lies in another. Immutable.
struct IPv6Table: Sendable {
    struct Element: Sendable {
        var address: IPAddress
        var fate: ListFate
        /// 0–128.
        var length: UInt8
    }

    /// A part of the order that is too long to be searched: its addresses agree up to `position` and are told apart by the bits that follow.
    private struct Node: Sendable {
        var first: UInt32
        var end: UInt32
        /// In `slots`: one for each value of the bits.
        var slots: UInt32
        var position: UInt8
        var bits: UInt8
    }

    /// A slot is where its networks start, or, with this bit, a node of its own.
    private static let isNode: UInt32 = 0x8000_0000
    private static let leaf = 8
    private let nodes: [Node]
    private let slots: [UInt32]
    private let addresses: [IPAddress]
    private let lengths: [UInt8]
    private let fates: [ListFate]
    private let nesting: NestedNetworks
    /// Half of what the longest leaf needs for a search, a power of two.
    private let largestStep: Int

    init(_ elements: consuming [Element]) {
        var order = Order(elements)
        order.arrange()
        nodes = order.nodes
        slots = order.slots
        largestStep = 1 << (Int.bitWidth - 1 - max(1, order.longest).leadingZeroBitCount)
        let sorted = order.elements
        addresses = sorted.map(\.address)
        lengths = sorted.map(\.length)
        fates = sorted.map(\.fate)
        var open: [UInt32] = []
        nesting = NestedNetworks(count: sorted.count) { place in
            let address = sorted[place].address
            while let last = open.last, address.masked(to: Int(sorted[Int(last)].length)) != sorted[Int(last)].address {
                open.removeLast()
            }
            let parent = open.last
            if sorted[place].length < 128 { open.append(UInt32(place)) }
            return parent.map { Int($0) }
        }
    }

    var count: Int { addresses.count }
    var bytes: Int {
        nodes.capacity * 16 + slots.capacity * 4 + addresses.capacity * 16 + lengths.capacity + fates.capacity * 8
            + nesting.bytes
    }

    /// The fate of the longest network that holds `address` and has not ended.
    func find(_ address: IPAddress, now: UInt32) -> ListFate? {
        if addresses.isEmpty { return nil }
        var place = predecessor(of: address)
        while place >= 0 {
            if address.masked(to: Int(lengths[place])) == addresses[place] {
                let fate = fates[place]
                if fate.expires > now { return fate }
            }
            place = nesting.parent(of: place)
        }
        return nil
    }

    /// The last network that begins at or before `address`, or -1.
    private func predecessor(of address: IPAddress) -> Int {
        var low = 0
        var high = addresses.count
        if !nodes.isEmpty {
            var node = nodes[0]
            while true {
                if node.position > 0 {
                    let known = addresses[Int(node.first)].masked(to: Int(node.position))
                    let asked = address.masked(to: Int(node.position))
                    if asked != known { return asked < known ? Int(node.first) - 1 : Int(node.end) - 1 }
                }
                let value = IPv6Table.bits(of: address, at: Int(node.position), count: Int(node.bits))
                let slot = slots[Int(node.slots) + value]
                if slot & IPv6Table.isNode != 0 {
                    node = nodes[Int(slot & ~IPv6Table.isNode)]
                    continue
                }
                low = Int(slot)
                high = Int(node.end)
                if value + 1 < 1 << Int(node.bits) {
                    let next = slots[Int(node.slots) + value + 1]
                    high = next & IPv6Table.isNode == 0 ? Int(next) : Int(nodes[Int(next & ~IPv6Table.isNode)].first)
                }
                break
            }
        }
        // As in `IPv4Table`: as many steps for every address, no branch on what was read.
        var half = largestStep
        while half > 0 {
            let next = low &+ half
            let other = addresses[min(next, addresses.count) &- 1]
            let borrow: UInt64 = address.low < other.low ? 1 : 0
            let (first, isFirstLess) = address.high.subtractingReportingOverflow(other.high)
            let isBehind = isFirstLess ? 1 : first < borrow ? 1 : 0
            low &+= half & (isBehind &- 1) & ((next &- high &- 1) >> 63)
            half >>= 1
        }
        return low &- 1
    }

    /// `count` bits from `position` on, at most 24.
    @inline(__always)
    private static func bits(of address: IPAddress, at position: Int, count: Int) -> Int {
        let word: UInt64
        if position == 0 {
            word = address.high
        } else if position < 64 {
            word = address.high << UInt64(position) | address.low >> UInt64(64 - position)
        } else {
            word = address.low << UInt64(position - 64)
        }
        return Int(truncatingIfNeeded: word >> UInt64(64 - count))
    }

    /// Every network in order, until `body` says false.
    func forEach(_ body: (IPAddress, _ length: Int, ListFate) -> Bool) {
        for place in addresses.indices where !body(addresses[place], Int(lengths[place]), fates[place]) { return }
    }

    /// Sorts networks and makes the tree over them in the same steps.
    private struct Order {
        var elements: [Element]
        var nodes: [Node] = []
        var slots: [UInt32] = []
        /// Networks of the fullest leaf.
        private(set) var longest = 0
        private var spare: [Element]

        init(_ elements: consuming [Element]) {
            spare = elements
            self.elements = elements
        }

        mutating func arrange() {
            if elements.count > IPv6Table.leaf {
                arrange(0, elements.count)
            } else {
                sort(0, elements.count)
            }
            spare = []
        }

        /// Sorts a part; false: it is short or all of one address, and needs no node.
        private mutating func arrange(_ first: Int, _ end: Int) {
            var all = IPAddress(high: .max, low: .max)
            var some = IPAddress(high: 0, low: 0)
            for place in first..<end {
                let address = elements[place].address
                all = IPAddress(high: all.high & address.high, low: all.low & address.low)
                some = IPAddress(high: some.high | address.high, low: some.low | address.low)
            }
            let high = all.high ^ some.high
            let position = high != 0 ? high.leadingZeroBitCount : 64 + (all.low ^ some.low).leadingZeroBitCount
            var bits = 1
            while bits < 22 && 1 << (bits + 2) < end - first { bits += 1 }
            bits = min(bits, max(1, 128 - position))
            let number = nodes.count
            let base = slots.count
            nodes.append(
                Node(
                    first: UInt32(first), end: UInt32(end), slots: UInt32(base), position: UInt8(min(position, 127)),
                    bits: UInt8(bits)))
            let at = Int(nodes[number].position)
            var starts = scatter(first, end, at, bits)
            starts.append(end)
            for value in 0..<(1 << bits) { slots.append(UInt32(starts[value])) }
            for value in 0..<(1 << bits) {
                let (from, to) = (starts[value], starts[value + 1])
                // One address with many lengths cannot be told apart any further.
                if to - from > IPv6Table.leaf
                    && (from..<to).contains(where: { elements[$0].address != elements[from].address })
                {
                    slots[base + value] = UInt32(nodes.count) | IPv6Table.isNode
                    arrange(from, to)
                } else {
                    sort(from, to)
                }
            }
        }

        private mutating func scatter(_ first: Int, _ end: Int, _ position: Int, _ bits: Int) -> [Int] {
            var starts = [Int](repeating: 0, count: 1 << bits)
            for place in first..<end {
                starts[IPv6Table.bits(of: elements[place].address, at: position, count: bits)] += 1
            }
            var sum = first
            for value in starts.indices {
                let count = starts[value]
                starts[value] = sum
                sum += count
            }
            var next = starts
            for place in first..<end {
                let value = IPv6Table.bits(of: elements[place].address, at: position, count: bits)
                spare[next[value]] = elements[place]
                next[value] += 1
            }
            for place in first..<end { elements[place] = spare[place] }
            return starts
        }

        private mutating func sort(_ first: Int, _ end: Int) {
            longest = max(longest, end - first)
            if end - first > 24 {
                elements[first..<end].sort(by: Order.precedes)
            } else if end - first > 1 {
                for index in (first + 1)..<end {
                    let element = elements[index]
                    var place = index
                    while place > first && Order.precedes(element, elements[place - 1]) {
                        elements[place] = elements[place - 1]
                        place -= 1
                    }
                    elements[place] = element
                }
            }
        }

        private static func precedes(_ left: Element, _ right: Element) -> Bool {
            if left.address != right.address { return left.address < right.address }
            if left.length != right.length { return left.length < right.length }
            return left.fate.expires < right.fate.expires
        }
    }
}
