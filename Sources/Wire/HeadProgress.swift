// SPDX-License-Identifier: Apache-2.0

/// How many bytes of an incomplete head were seen, so that a head that drips in byte by byte is parsed anew only when a line ends.
/// Kept by the connection beside its buffer; reset for each message.
public struct HeadProgress: Sendable {
    private var seen = 0

    public init() {}

    public mutating func reset() { seen = 0 }

    /// Whether parsing can say more than at the last attempt: a line came to its end, or the limit is met. Complexity: each byte is
    /// looked at once, and parsed at most once for each line that follows it, of which `HeadLimits.fields` is the bound.
    mutating func isDecisive(_ bytes: Span<UInt8>, limit: Int) -> Bool {
        if seen == 0 || bytes.count >= limit { return true }
        let end = ByteScan.find(10, bytes, from: min(seen, bytes.count))
        seen = bytes.count
        return end < bytes.count
    }

    /// The parser ran out of bytes behind the first `count`.
    mutating func ranOut(at count: Int) { seen = count }
}
