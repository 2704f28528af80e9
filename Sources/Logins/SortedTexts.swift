// SPDX-License-Identifier: Apache-2.0
import Wire

/// Lower-case names, each with a value if it has one, in the order of the names: what fingerprints are made of. One arena for all of them,
/// so that a login costs a handful of allocations and not one for every cookie. A value.
struct SortedTexts {
    /// Names at most; of the names of a body, the rest do not change the fingerprint.
    static let limit = 256

    private var arena: [UInt8] = []
    private var entries: [(name: ByteRange, value: ByteRange)] = []

    var count: Int { entries.count }

    init() {
        arena.reserveCapacity(512)
        entries.reserveCapacity(16)
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
    func joined(escapingCommas: Bool) -> [UInt8] { join(escapingCommas) { $0.name } }

    func joinedValues() -> [UInt8] { join(true) { $0.value } }

    private func join(_ escapingCommas: Bool, _ part: ((name: ByteRange, value: ByteRange)) -> ByteRange) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(arena.count + entries.count)
        for index in entries.indices {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            let range = part(entries[index])
            for place in range.bounds {
                if escapingCommas && arena[place] == UInt8(ascii: ",") { out.append(UInt8(ascii: "\\")) }
                out.append(arena[place])
            }
        }
        return out
    }
}
