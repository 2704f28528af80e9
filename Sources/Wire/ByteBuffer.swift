// SPDX-License-Identifier: Apache-2.0

/// One connection's bytes in one direction, with read and write marks. Confined to the loop that owns the connection.
///
///     0 ......... start ............. end ........... capacity
///     | consumed  | readable (`bytes`) | free          |
///
/// An empty buffer gives its memory back (`release`), so that an idle connection holds none.
@safe
package struct ByteBuffer: ~Copyable {
    private var base: UnsafeMutablePointer<UInt8>?
    package private(set) var capacity: Int
    private var start = 0
    private var end = 0

    /// No memory until something is reserved or appended.
    package init() {
        unsafe base = nil
        capacity = 0
    }

    deinit { unsafe base?.deallocate() }

    /// Number of readable bytes.
    package var count: Int { end - start }
    package var isEmpty: Bool { end == start }

    /// The readable bytes; offset 0 is the first byte that was not consumed.
    package var bytes: Span<UInt8> {
        @_lifetime(borrow self)
        get {
            guard let base = unsafe base else { return Span() }
            let span = unsafe Span(_unsafeStart: base + start, count: end - start)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// Marks the first `count` readable bytes as done.
    package mutating func consume(_ count: Int) {
        precondition(count >= 0 && count <= end - start)
        start += count
        if start == end {
            start = 0
            end = 0
        }
    }

    /// Forgets every readable byte and keeps the memory.
    package mutating func removeAll() {
        start = 0
        end = 0
    }

    /// Drops every readable byte from `count` on.
    package mutating func truncate(to count: Int) {
        precondition(count >= 0 && count <= end - start)
        end = start + count
    }

    /// Gives the memory back. The readable bytes are lost.
    package mutating func release() {
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
    @inline(__always)
    package mutating func reserve(_ count: Int) { if capacity - end < count { makeRoom(count) } }

    @inline(never)
    private mutating func makeRoom(_ count: Int) {
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
    package var room: Int { capacity - end }

    /// Lets `body` fill free memory (at least `minimum` bytes of it) and takes as many bytes as it returns.
    /// Negative results are passed through and add nothing.
    @unsafe
    package mutating func fill(minimum: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
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
    package func withReadable<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        unsafe body(UnsafeRawBufferPointer(start: base.map { unsafe $0 + start }, count: end - start))
    }

    package mutating func append(_ byte: UInt8) {
        reserve(1)
        guard let base = unsafe base else { return }
        unsafe base[end] = byte
        end += 1
    }

    package mutating func append(_ span: Span<UInt8>) {
        let count = span.count
        if count == 0 { return }
        reserve(count)
        guard let base = unsafe base else { return }
        unsafe span.withUnsafeBufferPointer { source in
            guard let from = source.baseAddress else { return }
            unsafe (base + end).update(from: from, count: count)
        }
        end += count
    }

    package mutating func append(_ text: StaticString) {
        let count = text.utf8CodeUnitCount
        reserve(count)
        guard let base = unsafe base else { return }
        unsafe (base + end).update(from: text.utf8Start, count: count)
        end += count
    }

    package mutating func append(_ array: [UInt8]) { append(array.span) }
}

extension [UInt8] {
    /// Appends bytes of a span, in one copy.
    package mutating func append(_ span: Span<UInt8>) {
        unsafe span.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }

    package mutating func append(_ text: StaticString) {
        unsafe append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}
