// SPDX-License-Identifier: Apache-2.0

/// A response head as ranges into the bytes it was parsed from; offset 0 is the first byte of the status line.
public struct ResponseHead: ~Copyable, Sendable {
    public var version = HTTPVersion.http11
    /// 100–999.
    public var status = 0
    /// Bytes of the head including the empty line.
    public var length = 0
    public var reason = ByteRange.empty
    public var fields: [HeadField] = []
    /// One bit for each known field name that occurs at least once.
    public var presence: UInt64 = 0
    /// One bit for each known field name that occurs more than once.
    public var repetition: UInt64 = 0

    public init() {}

    /// As new, but for the memory. No range is left that could be taken to the bytes of another message.
    public mutating func reset() {
        fields.removeAll(keepingCapacity: true)
        presence = 0
        repetition = 0
        length = 0
        version = .http11
        status = 0
        reason = .empty
    }

    public func contains(_ name: FieldName) -> Bool { presence & (1 << UInt64(name.rawValue)) != 0 }

    public func repeats(_ name: FieldName) -> Bool { repetition & (1 << UInt64(name.rawValue)) != 0 }

    /// Index of the first field of this name, or nil.
    public func first(_ name: FieldName) -> Int? {
        if !contains(name) { return nil }
        return fields.firstIndex { $0.known == name }
    }
}
