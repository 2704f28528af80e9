// SPDX-License-Identifier: Apache-2.0
import Glibc
package import Wire

/// A connected socket, plain or under TLS with the same verbs. Owned by one connection, confined to its loop, closed when it goes.
///
/// Edge-triggered discipline: the owner passes every event to `note`; the flags then say whether a call can move bytes. A read that
/// brought fewer bytes than there was room for has drained the socket (epoll(7)), so it is not followed by one that only says EAGAIN.
@safe
package struct Stream: ~Copyable {
    /// First read into an empty buffer; doubled as long as reads fill it.
    private static let smallestRead = 8 * 1024
    private static let largestRead = 64 * 1024

    package let descriptor: Descriptor
    /// A read may bring bytes, the end or a fault.
    package private(set) var isReadable: Bool
    /// A write may take bytes.
    package private(set) var isWritable: Bool
    /// The peer closed its side, or the connection broke: reading goes on to the end without waiting for another event, as none comes.
    package private(set) var hasHangup = false
    private let source: Fault.Source
    private var nextRead = Stream.smallestRead

    /// A connection that stands already is assumed ready: the first call finds out.
    package init(descriptor: consuming Descriptor, source: Fault.Source = .downstream, isConnected: Bool = true) {
        self.descriptor = descriptor
        self.source = source
        isReadable = isConnected
        isWritable = isConnected
    }

    /// Takes an event in. Every event must come here, or the connection sleeps for ever.
    package mutating func note(_ readiness: Readiness) {
        if !readiness.isDisjoint(with: [.hangup, .closed, .error]) {
            hasHangup = true
            isReadable = true
        }
        if readiness.contains(.readable) { isReadable = true }
        if !readiness.isDisjoint(with: [.writable, .closed, .error]) { isWritable = true }
    }

    /// Reads once, at most `limit` bytes behind what the buffer holds. Call again while `isReadable` for more.
    package mutating func read(into buffer: inout ByteBuffer, limit: Int) -> IOResult {
        if !isReadable { return .wouldBlock }
        if limit <= 0 { return .moved(0) }
        let wanted = min(limit, max(nextRead, min(buffer.room, Stream.largestRead)))
        let descriptor = descriptor.raw
        let result = unsafe buffer.fill(minimum: wanted) { room in
            unsafe SystemCall.receive(descriptor, UnsafeMutableRawBufferPointer(rebasing: room[..<wanted]))
        }
        if result > 0 {
            if result < wanted {
                isReadable = hasHangup
            } else {
                nextRead = min(nextRead * 2, Stream.largestRead)
            }
            return .moved(result)
        }
        if result == 0 {
            isReadable = false
            return .endOfStream
        }
        if result == -Int(EAGAIN) {
            isReadable = false
            return .wouldBlock
        }
        isReadable = false
        return .failed(Fault(source, "recv", errno: Int32(-result)))
    }

    /// Writes once and consumes what went. `more`: something follows at once, let the kernel put it into the same packet.
    package mutating func write(from buffer: inout ByteBuffer, more: Bool = false) -> IOResult {
        if !isWritable { return .wouldBlock }
        let wanted = buffer.count
        if wanted == 0 { return .moved(0) }
        let descriptor = descriptor.raw
        let result = unsafe buffer.withReadable { unsafe SystemCall.send(descriptor, $0, more: more) }
        return wrote(result, of: wanted, &buffer)
    }

    private mutating func wrote(_ result: Int, of wanted: Int, _ buffer: inout ByteBuffer) -> IOResult {
        if result > 0 {
            buffer.consume(result)
            // A part means that the kernel's buffer is full; the event for its room is on its way.
            if result < wanted { isWritable = false }
            return .moved(result)
        }
        isWritable = false
        if result == -Int(EAGAIN) || result == 0 { return .wouldBlock }
        return .failed(Fault(source, "send", errno: Int32(-result)))
    }

    /// Nothing more will be written; the peer sees the end.
    package mutating func shutdownWrite() {
        isWritable = false
        _ = SystemCall.shutdownWrite(descriptor.raw)
    }
}
