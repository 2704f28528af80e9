// SPDX-License-Identifier: Apache-2.0
import Wire

/// Lower-case names, each with a value if it has one, in the order of the names: what fingerprints are made of. One arena for all of them,
/// which is kept from login to login. Owned by an exchange.
public struct SortedTexts {
    /// Names at most; of the names of a body, the rest do not change the fingerprint.
    static let limit = 256

    private var arena: [UInt8] = []
    private var entries: [(name: ByteRange, value: ByteRange)] = []

    var count: Int { entries.count }

    public init() {}

    /// As new, but for the memory.
    mutating func reset() {
        arena.removeAll(keepingCapacity: arena.capacity <= 16 * 1024)
        entries.removeAll(keepingCapacity: true)
    }

    /// Puts a name where it belongs; behind its equals, or nowhere when it must be unique and is there. `dashes`: "_" counts as "-".
    mutating func add(_ name: Span<UInt8>, _ value: Span<UInt8> = Span(), dashes: Bool = false, isUnique: Bool) {
        if entries.count >= SortedTexts.limit { return }
        let start = arena.count
        for index in name.indices {
            arena.append(
                dashes && name[index] == UInt8(ascii: "_") ? UInt8(ascii: "-") : ByteSearch.lowercased(name[index]))
        }
        let range = ByteRange(start, arena.count)
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            let order = compare(entries[middle].name, range)
            if order == 0 && isUnique {
                arena.removeLast(arena.count - start)
                return
            }
            if order <= 0 { low = middle + 1 } else { high = middle }
        }
        let valueStart = arena.count
        arena.append(value)
        entries.insert((range, ByteRange(valueStart, arena.count)), at: low)
    }

    /// Bytewise: negative, 0 or positive.
    private func compare(_ left: ByteRange, _ right: ByteRange) -> Int {
        let count = min(left.count, right.count)
        for offset in 0..<count {
            let difference = Int(arena[Int(left.start) + offset]) - Int(arena[Int(right.start) + offset])
            if difference != 0 { return difference }
        }
        return left.count - right.count
    }

    /// All names with commas between them; a comma inside a name may be escaped.
    func join(escapingCommas: Bool, into out: inout [UInt8]) {
        for index in entries.indices { append(entries[index].name, isFirst: index == 0, escapingCommas, &out) }
    }

    func joinValues(into out: inout [UInt8]) {
        for index in entries.indices { append(entries[index].value, isFirst: index == 0, true, &out) }
    }

    private func append(_ range: ByteRange, isFirst: Bool, _ escapingCommas: Bool, _ out: inout [UInt8]) {
        if !isFirst { out.append(UInt8(ascii: ",")) }
        let text = arena.span.slice(range)
        if !escapingCommas || ByteScan.find(UInt8(ascii: ","), text, from: 0) == text.count {
            out.append(text)
            return
        }
        for place in text.indices {
            if text[place] == UInt8(ascii: ",") { out.append(UInt8(ascii: "\\")) }
            out.append(text[place])
        }
    }
}
