// SPDX-License-Identifier: Apache-2.0

/// What a decoded body or query holds: names with values, in one arena. Names of nested JSON are dotted ("user.name", "list.0").
/// Filled by the readers of this target, looked at by rules and login routes. Reused from request to request.
package struct NamedValues: Sendable {
    package enum Kind: UInt8, Sendable { case string, number, boolean, null }

    package struct Entry: Equatable, Sendable {
        package var name: ByteRange
        package var value: ByteRange
        package var kind: Kind

        package init(name: ByteRange, value: ByteRange, kind: Kind) {
            self.name = name
            self.value = value
            self.kind = kind
        }
    }

    /// Names and values, decoded.
    package var arena: [UInt8] = []
    package var entries: [Entry] = []
    /// A limit of `Limits` was met: what stands here is not the whole. The caller decides (`limits.over_body`), never ignores it.
    package var isIncomplete = false

    package init() {}

    package mutating func reset() {
        isIncomplete = false
        if entries.isEmpty && arena.isEmpty { return }
        arena.removeAll(keepingCapacity: true)
        entries.removeAll(keepingCapacity: true)
    }

    /// Appends one entry.
    package mutating func append(name: Span<UInt8>, value: Span<UInt8>, kind: Kind = .string) {
        let start = arena.count
        arena.append(name)
        let middle = arena.count
        arena.append(value)
        entries.append(Entry(name: ByteRange(start, middle), value: ByteRange(middle, arena.count), kind: kind))
    }

    /// Index of the first entry of exactly this name, or nil.
    package func first(named name: Span<UInt8>) -> Int? {
        let bytes = arena.span
        var index = 0
        while index < entries.count {
            let range = entries[index].name
            if range.count == name.count && ByteSearch.equals(bytes.slice(range), name) { return index }
            index += 1
        }
        return nil
    }
}
