// SPDX-License-Identifier: Apache-2.0
import Wire

/// Texts with a fate each, found by a seeded hash without allocation: user names by the ten million. Immutable once made; of equal texts the
/// one that ends last counts.
struct TextTable: Sendable {
    /// One behind the other: two bytes of length, eight of fate, the text.
    private var arena: [UInt8] = []
    /// High half: of the hash; low half: where the text stands, plus one; 0: empty. At most half full. A text that is not there costs one wait
    /// for memory, one that is there two.
    private var slots: [UInt64] = []
    private(set) var count = 0
    private let seed: UInt64
    private static let head = 10

    init(seed: UInt64) { self.seed = seed }

    var isEmpty: Bool { count == 0 }
    var bytes: Int { arena.capacity + slots.capacity * 8 }

    /// `text` has at most 65 535 bytes. False: there is no room for more.
    mutating func append(_ text: Span<UInt8>, _ fate: ListFate) -> Bool {
        if arena.count + text.count + TextTable.head >= Int(UInt32.max) { return false }
        arena.append(UInt8(truncatingIfNeeded: text.count >> 8))
        arena.append(UInt8(truncatingIfNeeded: text.count))
        let word = UInt64(fate.expires) << 32 | UInt64(fate.detail)
        for index in 0..<8 { arena.append(UInt8(truncatingIfNeeded: word >> UInt64(8 * index))) }
        arena.append(text)
        count += 1
        return true
    }

    /// Makes what was appended findable.
    mutating func finish() {
        if count == 0 { return }
        var size = 8
        while size < count * 2 { size *= 2 }
        var slots = [UInt64](repeating: 0, count: size)
        let mask = size - 1
        var start = 0
        while start < arena.count {
            let text = text(start)
            let next = start + TextTable.head + text.count
            let hash = TextTable.hash(text, seed: seed)
            var slot = Int(truncatingIfNeeded: hash) & mask
            while slots[slot] != 0 {
                if slots[slot] >> 32 == hash >> 32
                    && ByteSearch.equals(self.text(Int(slots[slot] & 0xffff_ffff) - 1), text)
                {
                    break
                }
                slot = (slot + 1) & mask
            }
            if slots[slot] == 0 || fate(Int(slots[slot] & 0xffff_ffff) - 1).expires < fate(start).expires {
                slots[slot] = (hash >> 32) << 32 | UInt64(start + 1)
            }
            start = next
        }
        self.slots = slots
    }

    /// The fate of `text`, ended or not.
    func find(_ asked: Span<UInt8>) -> ListFate? {
        if slots.isEmpty { return nil }
        let hash = TextTable.hash(asked, seed: seed)
        let mask = slots.count &- 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] != 0 {
            if slots[slot] >> 32 == hash >> 32 {
                let start = Int(slots[slot] & 0xffff_ffff) &- 1
                if ByteSearch.equals(text(start), asked) { return fate(start) }
            }
            slot = (slot &+ 1) & mask
        }
        return nil
    }

    /// Every text in the order of its line, until `body` says false.
    func forEach(_ body: (Span<UInt8>, ListFate) -> Bool) {
        var start = 0
        while start < arena.count {
            let text = text(start)
            if !body(text, fate(start)) { return }
            start += TextTable.head + text.count
        }
    }

    /// Whether some text begins with `prefix`.
    func containsPrefix(_ prefix: Span<UInt8>) -> Bool {
        var start = 0
        while start < arena.count {
            let text = text(start)
            if text.count >= prefix.count && ByteSearch.equals(text.extracting(0..<prefix.count), prefix) {
                return true
            }
            start += TextTable.head + text.count
        }
        return false
    }

    @_lifetime(borrow self)
    private func text(_ start: Int) -> Span<UInt8> {
        let count = Int(arena[start]) << 8 | Int(arena[start &+ 1])
        return arena.span.extracting((start &+ TextTable.head)..<(start &+ TextTable.head &+ count))
    }

    private func fate(_ start: Int) -> ListFate {
        var word: UInt64 = 0
        for index in 0..<8 { word |= UInt64(arena[start &+ 2 &+ index]) << UInt64(8 * index) }
        return ListFate(expires: UInt32(truncatingIfNeeded: word >> 32), detail: UInt32(truncatingIfNeeded: word))
    }

    /// Eight bytes a step: whoever chooses the names does not know the seed.
    static func hash(_ text: Span<UInt8>, seed: UInt64) -> UInt64 {
        var value = seed ^ UInt64(truncatingIfNeeded: text.count) &* 0x9e37_79b9_7f4a_7c15
        var index = 0
        while index &+ 8 <= text.count {
            var word: UInt64 = 0
            var byte = 0
            while byte < 8 {
                word |= UInt64(text[index &+ byte]) << UInt64(8 &* byte)
                byte &+= 1
            }
            value = mix(value ^ word)
            index &+= 8
        }
        var word: UInt64 = 0
        while index < text.count {
            word = word << 8 | UInt64(text[index])
            index &+= 1
        }
        return mix(mix(value ^ word) ^ seed)
    }

    @inline(__always)
    private static func mix(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: 0xd6e8_feb8_6659_fd93)
        return product.high ^ product.low ^ value >> 32
    }
}
