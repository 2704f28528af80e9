// SPDX-License-Identifier: Apache-2.0

/// One connection's bytes in one direction, with read and write marks. Confined to the loop that owns the connection.
///
///     0 ......... start ............. end ........... capacity
///     | consumed  | readable (`bytes`) | free          |
///
/// An empty buffer gives its memory back (`release`), so that an idle connection holds none.
@safe
public struct ByteBuffer: ~Copyable {
    // Visible to inlined code: the short functions below cost less than a call of them.
    @usableFromInline var base: UnsafeMutablePointer<UInt8>?
    public internal(set) var capacity: Int
    @usableFromInline var start = 0
    @usableFromInline var end = 0

    /// No memory until something is reserved or appended.
    public init() {
        unsafe base = nil
        capacity = 0
    }

    deinit { unsafe base?.deallocate() }

    /// Number of readable bytes.
    @inlinable
    public var count: Int { end - start }
    @inlinable
    public var isEmpty: Bool { end == start }

    /// The readable bytes; offset 0 is the first byte that was not consumed.
    public var bytes: Span<UInt8> {
        @inlinable
        @_lifetime(borrow self)
        get {
            guard let base = unsafe base else { return Span() }
            let span = unsafe Span(_unsafeStart: base + start, count: end - start)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// Marks the first `count` readable bytes as done.
    @inlinable
    public mutating func consume(_ count: Int) {
        precondition(count >= 0 && count <= end - start)
        start += count
        if start == end {
            start = 0
            end = 0
        }
    }

    /// Forgets every readable byte and keeps the memory.
    public mutating func removeAll() {
        start = 0
        end = 0
    }

    /// Drops every readable byte from `count` on.
    public mutating func truncate(to count: Int) {
        precondition(count >= 0 && count <= end - start)
        end = start + count
    }

    /// Gives the memory back. The readable bytes are lost.
    public mutating func release() {
        unsafe base?.deallocate()
        unsafe base = nil
        capacity = 0
        start = 0
        end = 0
    }

    /// Takes over memory that belongs to nobody else; the buffer has none.
    @unsafe
    mutating func adopt(_ memory: UnsafeMutablePointer<UInt8>, capacity: Int) {
        unsafe base = memory
        self.capacity = capacity
    }

    /// Hands its memory to the caller, who owns it from now on. The readable bytes are lost.
    @unsafe
    mutating func surrender() -> (base: UnsafeMutablePointer<UInt8>, capacity: Int)? {
        guard let memory = unsafe base else { return nil }
        let size = capacity
        unsafe base = nil
        release()
        return unsafe (memory, size)
    }

    /// Makes room for `count` more bytes: moves the readable bytes to the front, and grows only when that is not enough.
    @inlinable
    @inline(__always)
    public mutating func reserve(_ count: Int) { if capacity - end < count { makeRoom(count) } }

    @usableFromInline
    @inline(never)
    mutating func makeRoom(_ count: Int) {
        let readable = end - start
        if capacity - readable >= count, let base = unsafe base {
            unsafe base.update(from: base + start, count: readable)
        } else {
            var wanted = max(capacity * 2, 1024)
            while wanted - readable < count { wanted *= 2 }
            let grown = UnsafeMutablePointer<UInt8>.allocate(capacity: wanted)
            if let base = unsafe base {
                unsafe grown.update(from: base + start, count: readable)
                unsafe base.deallocate()
            }
            unsafe base = grown
            capacity = wanted
        }
        start = 0
        end = readable
    }

    /// Free bytes behind the readable ones, without moving or growing.
    public var room: Int { capacity - end }

    /// Lets `body` fill free memory (at least `minimum` bytes of it) and takes as many bytes as it returns.
    /// Negative results are passed through and add nothing.
    @unsafe
    public mutating func fill(minimum: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
        reserve(minimum)
        guard let base = unsafe base else { return 0 }
        let result = unsafe body(UnsafeMutableRawBufferPointer(start: base + end, count: capacity - end))
        if result > 0 {
            precondition(result <= capacity - end)
            end += result
        }
        return result
    }

    /// Hands the readable bytes to a system call.
    @unsafe
    public func withReadable<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        unsafe body(UnsafeRawBufferPointer(start: base.map { unsafe $0 + start }, count: end - start))
    }

    @inlinable
    @inline(__always)
    public mutating func append(_ byte: UInt8) {
        reserve(1)
        guard let base = unsafe base else { return }
        unsafe base[end] = byte
        end &+= 1
    }

    public mutating func append(_ span: Span<UInt8>) {
        let count = span.count
        reserve(count)
        guard let base = unsafe base else { return }
        unsafe span.withUnsafeBytes { unsafe ByteBuffer.copy($0.baseAddress, base + end, count) }
        end &+= count
    }

    /// Inlined, so that the length is a constant and the copy a few stores.
    @inlinable
    @inline(__always)
    public mutating func append(_ text: StaticString) {
        let count = text.utf8CodeUnitCount
        reserve(count)
        guard let base = unsafe base else { return }
        unsafe (base + end).update(from: text.utf8Start, count: count)
        end &+= count
    }

    /// Most texts of a head are shorter than 32 bytes: two overlapping loads and stores instead of a call (a head of 14 lines is
    /// written in 60 % of the instructions).
    @inline(__always)
    private static func copy(_ from: UnsafeRawPointer?, _ to: UnsafeMutablePointer<UInt8>, _ count: Int) {
        guard let from = unsafe from else { return }
        let target = UnsafeMutableRawPointer(to)
        if count > 32 {
            unsafe target.copyMemory(from: from, byteCount: count)
        } else if count >= 16 {
            unsafe overlap(SIMD16<UInt8>.self, from, target, count)
        } else if count >= 8 {
            unsafe overlap(UInt64.self, from, target, count)
        } else if count >= 4 {
            unsafe overlap(UInt32.self, from, target, count)
        } else if count >= 2 {
            unsafe overlap(UInt16.self, from, target, count)
        } else if count == 1 {
            unsafe to.pointee = from.load(as: UInt8.self)
        }
    }

    @inline(__always)
    private static func overlap<Word: BitwiseCopyable>(
        _: Word.Type, _ from: UnsafeRawPointer, _ to: UnsafeMutableRawPointer, _ count: Int
    ) {
        let rest = count &- MemoryLayout<Word>.size
        let first = unsafe from.loadUnaligned(as: Word.self)
        let last = unsafe from.loadUnaligned(fromByteOffset: rest, as: Word.self)
        unsafe to.storeBytes(of: first, as: Word.self)
        unsafe to.storeBytes(of: last, toByteOffset: rest, as: Word.self)
    }

    @inlinable
    public mutating func append(_ array: [UInt8]) { append(array.span) }
}

extension [UInt8] {
    /// Appends what a buffer holds.
    public mutating func append(_ buffer: borrowing ByteBuffer) { append(buffer.bytes) }

    /// Appends bytes of a span, in one copy.
    public mutating func append(_ span: Span<UInt8>) {
        unsafe span.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }

    public mutating func append(_ text: StaticString) {
        unsafe append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}
