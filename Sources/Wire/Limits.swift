// SPDX-License-Identifier: Apache-2.0

/// The most that a message head may bring, from `limits:`.
package struct HeadLimits: Sendable {
    /// Bytes of the whole head with its empty line. nginx and HAProxy stop between 16 and 32 KiB.
    package var headBytes = 32 * 1024
    package var fields = 128
    /// Bytes of the request target.
    package var targetBytes = 16 * 1024

    package init() {}
}

/// Every other size and count that the network may reach in HTTP syntax, each with its reason.
package enum Limits {
    /// Longest method token: the longest registered one has 17 letters.
    package static let methodBytes = 32
    /// Chunk extensions say nothing to us; more than this is a flood.
    package static let chunkLineBytes = 256
    /// Hex digits of a chunk size: 15 hold an exabyte and cannot overflow.
    package static let chunkSizeDigits = 15
    /// Digits of a Content-Length: 18 cannot overflow 64 bits.
    package static let lengthDigits = 18
}
