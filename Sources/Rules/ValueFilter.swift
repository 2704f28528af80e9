// SPDX-License-Identifier: Apache-2.0
import Wire

/// Which values of a subject count: of which kind, and without those of some names. Matters where names and values were decoded.
public struct ValueFilter: Hashable, Sendable {
    public enum Kinds: Hashable, Sendable {
        case any, strings, numbers, booleans
    }

    public var kinds: Kinds
    /// Names that are left out with everything below them, in their parts; "*" stands for any one part.
    public var excluded: [[[UInt8]]]

    public init(kinds: Kinds = .any, excluded: [[[UInt8]]] = []) {
        self.kinds = kinds
        self.excluded = excluded
    }

    /// Nothing is left out.
    public static let everything = ValueFilter()

    @inline(__always)
    func takes(_ kind: NamedValues.Kind) -> Bool {
        switch kinds {
        case .any: true
        case .strings: kind == .string
        case .numbers: kind == .number
        case .booleans: kind == .boolean
        }
    }

    /// Whether what has this name is left out. `isDotted`: its parts are divided by dots.
    func leavesOut(_ name: Span<UInt8>, isDotted: Bool, foldsCase: Bool = false) -> Bool {
        for index in excluded.indices where covers(excluded[index], name, isDotted, foldsCase) { return true }
        return false
    }

    private func covers(_ path: [[UInt8]], _ name: Span<UInt8>, _ isDotted: Bool, _ foldsCase: Bool) -> Bool {
        if !isDotted {
            guard let first = path.first else { return true }
            return same(first, name, foldsCase)
        }
        var start = 0
        for index in path.indices {
            if start > name.count { return false }
            var end = start
            while end < name.count && name[end] != UInt8(ascii: ".") { end += 1 }
            if !same(path[index], name.extracting(start..<end), foldsCase) { return false }
            start = end + 1
        }
        return true
    }

    private func same(_ part: [UInt8], _ name: Span<UInt8>, _ foldsCase: Bool) -> Bool {
        if part.count == 1 && part[0] == UInt8(ascii: "*") { return true }
        if part.count != name.count { return false }
        return foldsCase ? ByteSearch.equalsIgnoringCase(part.span, name) : ByteSearch.equals(part.span, name)
    }
}
