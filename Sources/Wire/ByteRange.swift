// SPDX-License-Identifier: Apache-2.0

/// A half-open range of offsets into one buffer. Small, so that a parsed head is an array of integers and no String.
public struct ByteRange: Equatable, Hashable, Sendable {
    public var start: UInt32
    public var end: UInt32

    public static let empty = ByteRange(0, 0)

    public init(_ start: Int, _ end: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.end = UInt32(truncatingIfNeeded: end)
    }

    public var count: Int { Int(end) - Int(start) }
    public var isEmpty: Bool { end == start }
    public var bounds: Range<Int> { Int(start)..<Int(end) }
}

extension Span where Element == UInt8 {
    /// The bytes that `range` names. Traps when the range does not belong to this buffer: that is a bug, not input.
    @_lifetime(copy self)
    public func slice(_ range: ByteRange) -> Span<UInt8> { extracting(range.bounds) }
}
