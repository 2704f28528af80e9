// SPDX-License-Identifier: Apache-2.0

/// What a decoded body or query holds: names with values, in one arena. Names of nested JSON are dotted ("user.name", "list.0").
/// Filled by the readers of this target, looked at by rules and login routes. Reused from request to request.
public struct NamedValues: Sendable {
    /// `fileName`: what a multipart body says a file is called.
    public enum Kind: UInt8, Sendable { case string, number, boolean, null, fileName }

    public struct Entry: Equatable, Sendable {
        public var name: ByteRange
        public var value: ByteRange
        public var kind: Kind

        public init(name: ByteRange, value: ByteRange, kind: Kind) {
            self.name = name
            self.value = value
            self.kind = kind
        }
    }

    /// Names and values, decoded.
    public var arena: [UInt8] = []
    public var entries: [Entry] = []
    /// A limit of `Limits` was met: what stands here is not the whole. The caller decides (`limits.over_body`), never ignores it.
    public var isIncomplete = false

    public init() {}

    public mutating func reset() {
        isIncomplete = false
        if entries.isEmpty && arena.isEmpty { return }
        arena.removeAll(keepingCapacity: true)
        entries.removeAll(keepingCapacity: true)
    }

    /// Appends one entry.
    public mutating func append(name: Span<UInt8>, value: Span<UInt8>, kind: Kind = .string) {
        let start = arena.count
        arena.append(name)
        let middle = arena.count
        arena.append(value)
        entries.append(Entry(name: ByteRange(start, middle), value: ByteRange(middle, arena.count), kind: kind))
    }

    /// Index of the first entry of exactly this name, or nil.
    public func first(named name: Span<UInt8>) -> Int? {
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
