// SPDX-License-Identifier: Apache-2.0

/// The most that a message head may bring, from `limits:`.
public struct HeadLimits: Sendable {
    /// Bytes of the whole head with its empty line. nginx and HAProxy stop between 16 and 32 KiB.
    public var headBytes = 32 * 1024
    public var fields = 128
    /// Bytes of the request target.
    public var targetBytes = 16 * 1024

    public init() {}
}

/// Every other size and count that the network may reach in HTTP syntax, each with its reason.
public enum Limits {
    /// Empty lines before a request line: RFC 9112 §2.2 asks for one; old clients sent one or two behind a body.
    public static let emptyLines = 4
    /// Longest method token: the longest registered one has 17 letters.
    public static let methodBytes = 32
    /// Longest line of a chunk. A size with a signature, as object stores send it, has 90 bytes.
    public static let chunkLineBytes = 4096
    /// What the lines of a body's chunks may take beyond 16 bytes a chunk and an eighth of its data. Extensions say nothing to us, and
    /// a byte of data behind each full line would cost the sender little and the gate much.
    public static let chunkOverheadBytes = 16 * 1024
    /// Hex digits of a chunk size, with leading zeros: 16 cannot overflow 64 bits.
    public static let chunkSizeDigits = 16
    /// Largest Content-Length and chunk: one TiB. A reader that counts in fewer bits than the next is somebody's way in.
    public static let bodyBytes: UInt64 = 1 << 40
}
