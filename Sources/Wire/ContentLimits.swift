// SPDX-License-Identifier: Apache-2.0

/// The most that bodies, queries and prefaces may bring; what goes over is said (`NamedValues.isIncomplete`), never cut in silence.
public enum ContentLimits {
    /// Names with values in one body or query: a login form has five, the largest honest form some hundreds.
    public static let entries = 2_048
    /// Nesting of JSON: deeper is a stack attack on whoever reads it recursively.
    public static let jsonDepth = 32
    /// Header lines of one multipart part.
    public static let partHeadBytes = 8 * 1_024
    /// RFC 2046 §5.1.1.
    public static let boundaryBytes = 70
    /// The longest PROXY v1 line, with its CRLF.
    public static let proxyLineBytes = 107
    /// PROXY v2 header with its TLVs.
    public static let proxyHeaderBytes = 4_096
}

/// Why a body or preface is not what it says it is: what, and at which byte.
public struct ContentError: Error, Equatable, Sendable {
    public var reason: StaticString
    public var offset: Int

    public init(_ reason: StaticString, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    public static func == (left: ContentError, right: ContentError) -> Bool {
        left.offset == right.offset && "\(left.reason)" == "\(right.reason)"
    }
}
