// SPDX-License-Identifier: Apache-2.0
import Glibc
public import Wire

/// A connected socket, plain or under TLS with the same verbs. Owned by one connection, confined to its loop, closed when it goes.
///
/// Edge-triggered discipline: the owner passes every event to `note`; the flags then say whether a call can move bytes. A read that
/// brought fewer bytes than there was room for has drained the socket (epoll(7)), so it is not followed by one that only says EAGAIN.
@safe
public struct Stream: ~Copyable {
    /// First read into an empty buffer; doubled as long as reads fill it.
    private static let smallestRead = 8 * 1024
    private static let largestRead = 64 * 1024

    public let descriptor: Descriptor
    /// A read may bring bytes, the end or a fault.
    public private(set) var isReadable: Bool
    /// A write may take bytes.
    public private(set) var isWritable: Bool
    /// The peer closed its side, or the connection broke: reading goes on to the end without waiting for another event, as none comes.
    public private(set) var hasHangup = false
    /// The session, for what was agreed in its handshake; nil on a plain stream.
    public let tls: TLSSession?
    private let source: Fault.Source
    private var nextRead = Stream.smallestRead
    /// TLS may have to write before it can read (a key update), and in a handshake to read before it can write.
    private var readWaitsForWrite = false
    private var writeWaitsForRead = false
    private var breaksOff = false

    /// A connection that stands already is assumed ready: the first call finds out. `tls` must be a session on this descriptor.
    public init(
        descriptor: consuming Descriptor, tls: TLSSession? = nil, source: Fault.Source = .downstream,
        isConnected: Bool = true
    ) {
        self.descriptor = descriptor
        self.tls = tls
        self.source = source
        isReadable = isConnected
        isWritable = isConnected
        if isConnected { tls?.note(readable: true, writable: true, hangup: false) }
    }

    deinit { if !breaksOff { tls?.sayGoodbye() } }

    /// Why the connection did not come about, once it is decided.
    public var connectFault: Fault? { Socket.connectFault(descriptor, source: source) }

    /// Takes an event in. Every event must come here, or the connection sleeps for ever.
    public mutating func note(_ readiness: Readiness) {
        let hangup = !readiness.isDisjoint(with: [.hangup, .closed, .error])
        let readable = hangup || readiness.contains(.readable)
        let writable = !readiness.isDisjoint(with: [.writable, .closed, .error])
        if hangup { hasHangup = true }
        tls?.note(readable: readable, writable: writable, hangup: hangup)
        if readable || (writable && readWaitsForWrite) { isReadable = true }
        if writable || (readable && writeWaitsForRead) { isWritable = true }
    }

    /// Goes on with the TLS handshake; to be called at the start and after each event until it is done. Plain streams are done.
    public mutating func handshake() -> HandshakeResult {
        guard let tls else { return .done }
        switch tls.handshake() {
        case .moved:
            // Whatever came behind the handshake is inside the session already, where no event will tell of it.
            isReadable = true
            isWritable = true
            return .done
        case .wantsRead, .wantsWrite: return .wouldBlock
        case .ended, .failed: return .failed(tls.fault(source, "tls handshake"))
        }
    }

    /// Reads at most `limit` bytes behind what the buffer holds. Call again while `isReadable` for more.
    public mutating func read(into buffer: inout ByteBuffer, limit: Int) -> IOResult {
        if !isReadable { return .wouldBlock }
        if limit <= 0 { return .moved(0) }
        let wanted = min(limit, max(nextRead, min(buffer.room, Stream.largestRead)))
        if let tls { return read(tls, into: &buffer, wanted) }
        let descriptor = descriptor.raw
        let result = unsafe buffer.fill(minimum: wanted) { room in
            unsafe SystemCall.receive(descriptor, UnsafeMutableRawBufferPointer(rebasing: room[..<wanted]))
        }
        if result > 0 {
            if result < wanted { isReadable = hasHangup } else { growReads() }
            return .moved(result)
        }
        isReadable = false
        if result == 0 { return .endOfStream }
        if result == -Int(EAGAIN) { return .wouldBlock }
        return .failed(Fault(source, "recv", errno: Int32(-result)))
    }

    /// Reads at most `limit` plain bytes before the handshake: a PROXY preface, behind which the first TLS record must stay in the kernel.
    public mutating func readPreface(into buffer: inout ByteBuffer, limit: Int) -> IOResult {
        let descriptor = descriptor.raw
        let result = unsafe buffer.fill(minimum: limit) { room in
            unsafe SystemCall.receive(descriptor, UnsafeMutableRawBufferPointer(rebasing: room[..<limit]))
        }
        if result > 0 { return .moved(result) }
        if result == 0 { return .endOfStream }
        if result == -Int(EAGAIN) { return .wouldBlock }
        return .failed(Fault(source, "recv", errno: Int32(-result)))
    }

    /// The peer shall see a broken connection, not an end: what it has is not whole.
    public mutating func resetOnClose() {
        breaksOff = true
        var option = linger(l_onoff: 1, l_linger: 0)
        _ = unsafe setsockopt(descriptor.raw, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    private mutating func growReads() { nextRead = min(nextRead * 2, Stream.largestRead) }

    /// Record after record until there is no room or no whole record.
    private mutating func read(_ tls: TLSSession, into buffer: inout ByteBuffer, _ wanted: Int) -> IOResult {
        var last = TLSSession.Step.moved(0)
        let result = unsafe buffer.fill(minimum: wanted) { room in
            var filled = 0
            while filled < wanted {
                last = unsafe tls.read(into: UnsafeMutableRawBufferPointer(rebasing: room[filled..<wanted]))
                guard case .moved(let count) = last else { break }
                filled += count
            }
            return filled
        }
        readWaitsForWrite = last == .wantsWrite
        switch last {
        case .moved: growReads()
        case .wantsRead, .wantsWrite: isReadable = false
        case .ended:
            // Bytes first, the end with the next call.
            isReadable = result > 0
            if result == 0 { return .endOfStream }
        case .failed:
            isReadable = result > 0
            isWritable = false
            if result == 0 { return .failed(tls.fault(source, "tls read")) }
        }
        return result > 0 ? .moved(result) : .wouldBlock
    }

    /// Writes and consumes what went. `more`: something follows at once, let the kernel put it into the same packet.
    /// Bytes that were offered and not taken must be offered again, unchanged, before others: TLS has promised them to the peer.
    public mutating func write(from buffer: inout ByteBuffer, more: Bool = false) -> IOResult {
        if !isWritable { return .wouldBlock }
        let wanted = buffer.count
        if wanted == 0 { return .moved(0) }
        if let tls { return write(tls, from: &buffer) }
        let descriptor = descriptor.raw
        let result = unsafe buffer.withReadable { unsafe SystemCall.send(descriptor, $0, more: more) }
        return wrote(result, of: wanted, &buffer)
    }

    private mutating func write(_ tls: TLSSession, from buffer: inout ByteBuffer) -> IOResult {
        var moved = 0
        while !buffer.isEmpty {
            let step = unsafe buffer.withReadable { unsafe tls.write($0) }
            if case .moved(let count) = step {
                buffer.consume(count)
                moved += count
                continue
            }
            isWritable = false
            writeWaitsForRead = step == .wantsRead
            switch step {
            case .ended, .failed: return .failed(tls.fault(source, "tls write"))
            default: return moved > 0 ? .moved(moved) : .wouldBlock
            }
        }
        return .moved(moved)
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
    public mutating func shutdownWrite() {
        tls?.sayGoodbye()
        isWritable = false
        _ = SystemCall.shutdownWrite(descriptor.raw)
    }
}
