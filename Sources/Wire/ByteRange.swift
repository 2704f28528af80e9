// SPDX-License-Identifier: Apache-2.0

/// A half-open range of offsets into one buffer. Small, so that a parsed head is an array of integers and no String.
package struct ByteRange: Equatable, Hashable, Sendable {
    package var start: UInt32
    package var end: UInt32

    package static let empty = ByteRange(0, 0)

    package init(_ start: Int, _ end: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.end = UInt32(truncatingIfNeeded: end)
    }

    package var count: Int { Int(end) - Int(start) }
    package var isEmpty: Bool { end == start }
    package var bounds: Range<Int> { Int(start)..<Int(end) }
}

extension Span where Element == UInt8 {
    /// The bytes that `range` names. Traps when the range does not belong to this buffer: that is a bug, not input.
    @_lifetime(copy self)
    package func slice(_ range: ByteRange) -> Span<UInt8> { extracting(range.bounds) }
}
