// SPDX-License-Identifier: Apache-2.0

/// Request methods that the proxy treats on their own (RFC 9110 §9, RFC 5789). Everything else is `other` and forwarded.
public enum HTTPMethod: UInt8, Sendable {
    case get, head, post, put, delete, options, patch, trace, connect, other

    /// Repeating such a request has the effect of sending it once (RFC 9110 §9.2.2), so it may be retried.
    public var isIdempotent: Bool {
        switch self {
        case .get, .head, .put, .delete, .options, .trace: true
        case .post, .patch, .connect, .other: false
        }
    }
}

public enum HTTPVersion: UInt8, Sendable {
    case http10, http11
    /// Never read from text: whoever carries a stream of HTTP/2 says so.
    case http2

    /// As in logs and rules.
    public var text: StaticString {
        switch self {
        case .http10: "1.0"
        case .http11: "1.1"
        case .http2: "2"
        }
    }
}

/// One header field: where its name and value stand in the head's bytes. Optional white space is not part of the value.
public struct HeadField: Equatable, Sendable {
    public var name: ByteRange
    public var value: ByteRange
    public var known: FieldName

    public init(name: ByteRange, value: ByteRange, known: FieldName) {
        self.name = name
        self.value = value
        self.known = known
    }
}

/// The four forms of RFC 9112 §3.2.
public enum TargetForm: UInt8, Sendable {
    case origin, absolute, authority, asterisk
}

/// A request head as ranges into the bytes it was parsed from; offset 0 is the first byte of the request line.
/// Reused from request to request, so that a steady connection allocates nothing.
public struct RequestHead: ~Copyable, Sendable {
    public var method = HTTPMethod.get
    public var version = HTTPVersion.http11
    public var form = TargetForm.origin
    /// Bytes of the head including the empty line.
    public var length = 0
    public var methodRange = ByteRange.empty
    /// The request target as sent.
    public var target = ByteRange.empty
    /// Path of the target; empty for `*` and the authority form. An absolute form without path has an empty range: "/" is meant.
    public var path = ByteRange.empty
    /// Query without its "?"; nil when the target has no "?".
    public var query: ByteRange?
    /// host[:port] that the request is for: of the absolute form, else of Host. Empty when there is none (HTTP/1.0).
    public var authority = ByteRange.empty
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
        method = .get
        version = .http11
        form = .origin
        methodRange = .empty
        target = .empty
        path = .empty
        query = nil
        authority = .empty
    }

    public func contains(_ name: FieldName) -> Bool { presence & (1 << UInt64(name.rawValue)) != 0 }

    public func repeats(_ name: FieldName) -> Bool { repetition & (1 << UInt64(name.rawValue)) != 0 }

    /// Index of the first field of this name, or nil.
    public func first(_ name: FieldName) -> Int? {
        if !contains(name) { return nil }
        return fields.firstIndex { $0.known == name }
    }
}
