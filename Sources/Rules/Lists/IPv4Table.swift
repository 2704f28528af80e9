// SPDX-License-Identifier: Apache-2.0

/// Networks of IPv4 in the order of their first addresses, with an index over the top bits: the last network that begins at or before an address
/// holds it, or one that holds that network does, or none. 12 to 17 bytes a network; two cache misses for an address that is not there, three
/// for one that is. Immutable.
struct IPv4Table: Sendable {
    struct Element: Sendable {
        var address: UInt32
        /// 0–32.
        var length: UInt8
        var fate: ListFate
    }

    /// Where the networks begin that start among these addresses.
    private struct Bucket: Sendable {
        var start: UInt32 = 0
        /// The narrowest network that begins before and holds all of these addresses, plus one; 0: none.
        var cover: UInt32 = 0
    }

    private static let nested: UInt32 = 0x80
    private let shift: UInt32
    private let buckets: [Bucket]
    /// The low 16 bits of the first address, a flag for "lies in another", the length: the bucket knows the rest.
    private let keys: [UInt32]
    private let fates: [ListFate]
    private let nesting: NestedNetworks
    /// Half of what the fullest bucket needs for a search, a power of two.
    private let largestStep: Int

    init(_ elements: consuming [Element]) {
        var bits = 16
        while bits < 22 && 1 << (bits + 3) < elements.count { bits += 1 }
        let shift = UInt32(32 - bits)
        self.shift = shift
        if elements.isEmpty {
            buckets = []
            keys = []
            fates = []
            nesting = NestedNetworks(count: 0) { _ in nil }
            largestStep = 0
            return
        }
        var buckets = IPv4Table.sort(&elements, bits: bits)
        var keys: [UInt32] = []
        keys.reserveCapacity(elements.count)
        var fates: [ListFate] = []
        fates.reserveCapacity(elements.count)
        var open: [UInt32] = []
        var bucket = 0
        // Networks that hold the address that is looked at stand in `open`, the widest first.
        func closeBehind(_ address: UInt32, _ open: inout [UInt32], _ elements: borrowing [Element]) {
            while let last = open.last, !IPv4Table.holds(elements[Int(last)], address) { open.removeLast() }
        }
        func cover(upTo end: Int, _ open: inout [UInt32], _ elements: borrowing [Element], _ buckets: inout [Bucket]) {
            while bucket <= end {
                closeBehind(UInt32(bucket) << shift, &open, elements)
                buckets[bucket].cover = open.last.map { $0 + 1 } ?? 0
                bucket += 1
            }
        }
        nesting = NestedNetworks(count: elements.count) { place in
            let element = elements[place]
            cover(upTo: Int(element.address >> shift), &open, elements, &buckets)
            closeBehind(element.address, &open, elements)
            let parent = open.last
            keys.append(
                (element.address & 0xffff) << 8 | UInt32(element.length) | (parent == nil ? 0 : IPv4Table.nested))
            fates.append(element.fate)
            if element.length < 32 { open.append(UInt32(place)) }
            return parent.map { Int($0) }
        }
        cover(upTo: 1 << bits - 1, &open, elements, &buckets)
        var fullest: UInt32 = 0
        for bucket in 1..<buckets.count { fullest = max(fullest, buckets[bucket].start - buckets[bucket - 1].start) }
        largestStep = 1 << (31 - fullest.leadingZeroBitCount)
        self.buckets = buckets
        self.keys = keys
        self.fates = fates
    }

    /// Puts the networks in order, of equal ones the one that ends last at the end, and says where each bucket starts.
    private static func sort(_ elements: inout [Element], bits: Int) -> [Bucket] {
        let shift = UInt32(32 - bits)
        var buckets = [Bucket](repeating: Bucket(), count: 1 << bits + 1)
        for element in elements { buckets[Int(element.address >> shift) + 1].start += 1 }
        for index in 1..<buckets.count { buckets[index].start += buckets[index - 1].start }
        var next = buckets.map(\.start)
        var sorted = [Element](
            repeating: Element(address: 0, length: 0, fate: ListFate(expires: 0, detail: 0)), count: elements.count)
        for element in elements {
            let bucket = Int(element.address >> shift)
            sorted[Int(next[bucket])] = element
            next[bucket] += 1
        }
        for bucket in 0..<(buckets.count - 1) {
            let range = Int(buckets[bucket].start)..<Int(buckets[bucket + 1].start)
            if range.count > 24 {
                sorted[range].sort(by: precedes)
            } else if range.count > 1 {
                for index in (range.lowerBound + 1)..<range.upperBound {
                    let element = sorted[index]
                    var place = index
                    while place > range.lowerBound && precedes(element, sorted[place - 1]) {
                        sorted[place] = sorted[place - 1]
                        place -= 1
                    }
                    sorted[place] = element
                }
            }
        }
        elements = sorted
        return buckets
    }

    @inline(__always)
    private static func precedes(_ left: Element, _ right: Element) -> Bool {
        if left.address != right.address { return left.address < right.address }
        if left.length != right.length { return left.length < right.length }
        return left.fate.expires < right.fate.expires
    }

    private static func holds(_ element: Element, _ address: UInt32) -> Bool {
        element.length == 0 || (element.address ^ address) >> (32 - UInt32(element.length)) == 0
    }

    var count: Int { keys.count }
    /// Bytes that it takes.
    var bytes: Int { buckets.capacity * 8 + keys.capacity * 4 + fates.capacity * 8 + nesting.bytes }

    /// The fate of the longest network that holds `address` and has not ended.
    func find(_ address: UInt32, now: UInt32) -> ListFate? {
        if keys.isEmpty { return nil }
        let bucket = Int(address >> shift)
        let first = Int(buckets[bucket].start)
        let end = Int(buckets[bucket + 1].start)
        let tail = address & 0xffff
        let bound = Int(tail &+ 1) << 8
        // As many steps for every address, and no branch on what was read: the processor goes on to other work, such as the next request's
        // lookup, while this one waits for memory.
        var low = first
        var half = largestStep
        while half > 0 {
            let next = low &+ half
            // All ones for "begins at or before", and for "is in the bucket".
            let isBefore = (Int(keys[min(next, keys.count) &- 1]) &- bound) >> 63
            low &+= half & isBefore & ((next &- end &- 1) >> 63)
            half >>= 1
        }
        var place = low > first ? low &- 1 : Int(buckets[bucket].cover) &- 1
        while place >= 0 {
            let key = keys[place]
            let length = key & 0x3f
            // What begins in this bucket and is no longer than 16 bits holds all of it, and so does what begins before it.
            if length <= 16 || (key >> 8 ^ tail) >> (32 &- length) == 0 {
                let fate = fates[place]
                if fate.expires > now { return fate }
            }
            if key & IPv4Table.nested == 0 { return nil }
            place = nesting.parent(of: place)
        }
        return nil
    }

    /// Every network in order, until `body` says false.
    func forEach(_ body: (_ address: UInt32, _ length: Int, ListFate) -> Bool) {
        if keys.isEmpty { return }
        for bucket in 0..<(buckets.count - 1) {
            var place = Int(buckets[bucket].start)
            while place < Int(buckets[bucket + 1].start) {
                let address = UInt32(bucket) << shift | keys[place] >> 8
                if !body(address, Int(keys[place] & 0x3f), fates[place]) { return }
                place += 1
            }
        }
    }
}
