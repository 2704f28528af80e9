// SPDX-License-Identifier: Apache-2.0
import Rules
import Transport
import Wire

/// One client connection: reads requests one after the other, has them judged, and carries each to an upstream and back.
/// Confined to its loop. What is decided stands in `Exchange`, `Inspection` and `UpstreamPool`; this file acts.
final class Downstream: EventTarget {
    enum Phase {
        /// The PROXY preface is awaited.
        case preface
        case handshake
        /// A request head is awaited; idle while nothing of it came.
        case head
        /// The body is read for inspection before anything goes to the upstream.
        case gathering
        /// A rule asked for a delay.
        case delayed
        case forwarding
        case tunnel
        /// It speaks HTTP/2: its requests are carried by downstreams of their own.
        case multiplexed
        /// Our answer is out; what the client still sends is thrown away for a moment, so that it can read the answer.
        case lingering
        case closed
    }

    let worker: Worker
    let listener: ListenerPolicy
    /// The stream of an HTTP/2 connection that is its client, instead of a descriptor.
    let carrier: Carrier?
    /// Its streams, when it speaks HTTP/2.
    var http2: HTTP2Connection?
    private let slot: Int
    let fileDescriptor: Int32
    /// The address that it counts for; nil: for none.
    private let countedAs: IPAddress?
    var stream: Stream
    var input = ByteBuffer()
    var output = ByteBuffer()
    var peer: IPAddress
    var phase = Phase.head
    var exchange: Exchange?
    var progress = HeadProgress()
    var headStartedAt = MonotonicTime.never
    var servedRequests = 0
    var lingerUntil = MonotonicTime.never
    /// Since when it only waits: accepted, or its last answer given.
    var quietSince: MonotonicTime
    /// How its body comes, and how it reads.
    var bodyPace = Pace()
    var readPace = Pace()
    /// An idle connection that is to go waits so long for one more request; `never` while it may stay.
    var leavesAt = MonotonicTime.never
    /// The client sent its end; what it sent before is still served (RFC 9112 §9.6).
    var inputEnded = false
    var closesAfterFlush = false
    var pendingFault: Refusal?
    private var isAdvancing = false
    private var mustAdvanceAgain = false
    /// Body bytes that one call of `advance` may still move.
    private var allowance = 0
    /// What stands in `output` leaves at the end of the loop's turn.
    var isFlushPlanned = false
    private var goesOnNextTurn = false

    init(
        worker: Worker, stream: consuming Stream, peer: SocketAddress, listener: ListenerPolicy, slot: Int,
        countedAs: IPAddress?
    ) {
        carrier = nil
        self.countedAs = countedAs
        self.worker = worker
        self.listener = listener
        self.slot = slot
        fileDescriptor = stream.descriptor.raw
        self.stream = stream
        self.peer = peer.address ?? .loopback
        quietSince = worker.loop.now
        super.init()
    }

    /// One that takes the requests of one stream after the other of `owner`'s HTTP/2 connection.
    init(carrier: Carrier, of owner: Downstream) {
        self.carrier = carrier
        countedAs = nil
        worker = owner.worker
        listener = owner.listener
        slot = -1
        fileDescriptor = -1
        stream = Stream(descriptor: .none(), isConnected: false)
        peer = owner.peer
        quietSince = worker.loop.now
        super.init()
    }

    /// Registers with the loop and begins. Called once, after the worker knows the connection.
    func start() {
        do {
            try worker.loop.add(fd: fileDescriptor, self)
        } catch {
            abort()
            return
        }
        if listener.requiresProxyProtocol {
            phase = .preface
        } else {
            beginTLS()
        }
        advance()
    }

    func beginTLS() {
        phase = listener.tls == nil ? .head : .handshake
    }

    // MARK: Events

    package override func ready(_ readiness: Readiness, on loop: Loop) {
        if phase == .closed { return }
        stream.note(readiness)
        if readiness.contains(.error) {
            abort()
            return
        }
        advance()
    }

    package override func deadlinePassed(on loop: Loop) {
        if carrier != nil {
            if keepsReading() { return }
            if phase == .head { abort() }
        }
        switch phase {
        case .closed: return
        case .preface, .handshake, .lingering: abort()
        case .head:
            if !input.isEmpty {
                refuseWithoutRequest(.headerTimeout)
            } else {
                // A request that arrived just now is not thrown away.
                stream.note(.readable)
                if !read() { abort() }
            }
        case .gathering: refuse(.bodyTimeout)
        case .delayed: delayEnded()
        case .forwarding:
            if output.isEmpty && exchange?.hasResponseHead != true {
                refuse(.bodyTimeout)
            } else {
                // What the kernel holds for a client that does not read is let go, too, and a part does not look like the whole.
                stream.resetOnClose()
                abort()
            }
        case .tunnel: abort()
        case .multiplexed: multiplexedDeadlinePassed()
        }
        advance()
    }

    /// The upstream can take or has given bytes.
    func upstreamAdvanced() { advance() }

    /// The upstream connection is of no use any more.
    func upstreamFailed(_ refusal: Refusal) {
        pendingFault = refusal
        advance()
    }

    /// It has carried as many requests as one connection may.
    var isWornOut: Bool { servedRequests >= worker.policy.limits.requestsPerConnection }

    /// The connection is to end: its listener is gone, or the daemon stops. The next answer says so.
    func drain() {
        if phase == .closed || leavesAt != .never { return }
        leavesAt = worker.loop.now + Worker.leavingGrace
        http2?.announceEnd()
        if (phase == .head || phase == .multiplexed) && !isAdvancing { settle() }
    }

    var isLeaving: Bool { leavesAt != .never || worker.isDraining }

    // MARK: Progress

    /// Goes on until nothing moves. Calls that arrive from below while it runs (a write to the upstream that fails, say) only
    /// leave a note.
    func advance() {
        if isAdvancing {
            mustAdvanceAgain = true
            return
        }
        isAdvancing = true
        allowance = Worker.turnBytes
        repeat {
            mustAdvanceAgain = false
            while phase != .closed && step() {}
        } while mustAdvanceAgain && phase != .closed
        isAdvancing = false
        if phase != .closed { settle() }
    }

    /// Takes moved bytes off the allowance. False: it is used up; the rest of the loop's connections come first, then this one goes on.
    func mayGoOn(after count: Int) -> Bool {
        allowance -= count
        if allowance > 0 { return true }
        goesOnNextTurn = true
        worker.loop.deferUntilEndOfTurn(self)
        return false
    }

    var isOutOfAllowance: Bool { allowance <= 0 }

    package override func turnEnded(on loop: Loop) {
        if phase == .closed { return }
        if isFlushPlanned {
            isFlushPlanned = false
            if phase == .multiplexed { sendMultiplexed() }
            // What did not go out has a deadline of its own.
            if !flush() && phase != .closed { settle() }
        }
        if goesOnNextTurn && phase != .closed {
            goesOnNextTurn = false
            advance()
        }
    }

    private func step() -> Bool {
        switch phase {
        case .preface: return stepPreface()
        case .handshake: return stepHandshake()
        case .head: return stepHead()
        case .gathering: return stepGathering()
        case .forwarding: return stepForwarding()
        case .tunnel: return stepTunnel()
        case .multiplexed: return stepMultiplexed()
        case .lingering: return stepLingering()
        case .delayed, .closed: return false
        }
    }

    /// Reads more of the client's bytes. False: nothing came.
    func read() -> Bool {
        if inputEnded || !stream.isReadable { return carrier != nil && readCarried() }
        worker.lend(&input)
        switch stream.read(into: &input, limit: Worker.readBytes) {
        case .moved: return true
        case .wouldBlock: return false
        case .endOfStream:
            inputEnded = true
            return false
        case .failed:
            abort()
            return false
        }
    }

    /// Sends what waits, short texts at the end of the turn. False: the client must read first.
    func flushSoon() -> Bool {
        if output.isEmpty { return true }
        if output.count >= Worker.promptBytes || !stream.isWritable { return flush() }
        if !isFlushPlanned {
            isFlushPlanned = true
            worker.loop.deferUntilEndOfTurn(self)
        }
        return true
    }

    /// Sends what waits. True: everything is out (or the connection is gone).
    func flush() -> Bool {
        if let carrier { return flush(into: carrier) }
        while !output.isEmpty {
            switch stream.write(from: &output) {
            case .moved(let count): readPace.moved(count)
            case .wouldBlock: return false
            case .endOfStream, .failed:
                abort()
                return true
            }
        }
        readPace.stop()
        worker.giveBack(&output)
        return true
    }

    // MARK: End of a connection

    /// Answers a request that could not be read, then closes.
    func refuseWithoutRequest(_ refusal: Refusal) {
        let exchange = worker.takeExchange()
        exchange.peer = peer
        exchange.client = peer
        exchange.isSecure = listener.tls != nil
        exchange.startedAt = worker.loop.now
        exchange.startedUnixNanoseconds = worker.loop.unixNanoseconds
        exchange.bytesIn = UInt64(input.count)
        self.exchange = exchange
        input.removeAll()
        refuse(refusal)
    }

    /// The exchange is over and its answer stands in `output`. Goes on with the next request or closes.
    func finish(keepsAlive: Bool) {
        if let exchange {
            Accounting.finish(exchange, worker)
            self.exchange = nil
            worker.giveBack(exchange)
        }
        // A stream brings one request: what stands behind it must never be read as another.
        if carrier != nil { input.removeAll() }
        headStartedAt = .never
        phase = .head
        quietSince = worker.loop.now
        bodyPace.stop()
        if !keepsAlive || (inputEnded && input.isEmpty) { closesAfterFlush = true }
        // The answer had begun before the end was decided, and did not announce it.
        if isLeaving { leavesAt = worker.loop.now + Worker.leavingGrace }
    }

    /// Lets the client read our answer before the kernel resets the connection because of unread bytes (RFC 9112 §9.6).
    func linger() {
        input.removeAll()
        if carrier != nil {
            phase = .lingering
            return
        }
        if inputEnded {
            abort()
            return
        }
        stream.shutdownWrite()
        lingerUntil = worker.loop.now + .seconds(2)
        phase = .lingering
    }

    private func stepLingering() -> Bool {
        if let carrier {
            if carrier.isDelivered { abort() }
            return false
        }
        if read() {
            input.removeAll()
            return true
        }
        if inputEnded { abort() }
        return false
    }

    /// Closes at once. An exchange under way is accounted for as it stands.
    func abort() {
        if phase == .closed { return }
        // An answer that is complete and only waits for the end of the turn is not lost.
        if isFlushPlanned { _ = stream.write(from: &output) }
        if phase == .delayed { worker.delayed -= 1 }
        phase = .closed
        if let exchange {
            exchange.upstream?.close()
            exchange.upstream = nil
            if exchange.pool != nil { releaseServer(exchange) }
            if exchange.status == 0 && exchange.outcome == .allowed { exchange.outcome = .failed }
            Accounting.finish(exchange, worker)
            self.exchange = nil
            worker.giveBack(exchange)
        }
        worker.loop.setDeadline(self, .never)
        input.release()
        output.release()
        if let carrier {
            carrier.connection.dropped(carrier)
            return
        }
        http2?.close()
        worker.loop.remove(fd: fileDescriptor)
        worker.closed(slot: slot, countedAs: countedAs)
    }
}
