// SPDX-License-Identifier: Apache-2.0

/// Memory of buffers that are empty, for those that are about to be filled. Confined to one loop, which owns it.
@safe
public struct BufferPool: ~Copyable {
    /// Pieces kept at most, and the largest that is kept: what one turn of a loop needs, not what a flood needed.
    private static let pieces = 128
    private static let largestPiece = 64 * 1024

    private var memory: [(base: UnsafeMutablePointer<UInt8>, capacity: Int)]

    public init() { unsafe memory = [] }

    deinit {
        for index in unsafe memory.indices { unsafe memory[index].base.deallocate() }
    }

    /// Gives memory to a buffer that has none. It may still have none afterwards, and then makes its own when it is filled.
    public mutating func lend(to buffer: inout ByteBuffer) {
        if buffer.capacity > 0 { return }
        guard let piece = unsafe memory.popLast() else { return }
        unsafe buffer.adopt(piece.base, capacity: piece.capacity)
    }

    /// Takes the memory of a buffer that is empty.
    public mutating func takeBack(from buffer: inout ByteBuffer) {
        if !buffer.isEmpty || buffer.capacity == 0 { return }
        if unsafe memory.count < BufferPool.pieces && buffer.capacity <= BufferPool.largestPiece,
            let piece = unsafe buffer.surrender()
        {
            unsafe memory.append(piece)
        } else {
            buffer.release()
        }
    }
}
