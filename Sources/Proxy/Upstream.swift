// SPDX-License-Identifier: Apache-2.0
import Transport
import Wire

/// One connection to an upstream server. Confined to its loop; at any time idle in its pool or lent to one downstream.
final class Upstream: EventTarget {
    private enum State {
        case connecting, handshaking, ready, idle, closed
    }

    let worker: Worker
    let pool: UpstreamPool
    let server: Int
    let address: SocketAddress
    private var state = State.connecting
    private var stream: Stream
    private let fileDescriptor: Int32
    /// Bytes from the server that were not passed on yet.
    var input = ByteBuffer()
    /// Bytes for the server that were not sent yet.
    var output = ByteBuffer()
    /// Who uses the connection; nil while idle.
    private var downstream: Downstream?
    /// What stands in `output` leaves at the end of the loop's turn.
    private var isFlushPlanned = false
    /// Bytes of the current request that the kernel took.
    private(set) var sentBytes: UInt64 = 0
    /// It carried an exchange before: the server may have closed it meanwhile.
    private(set) var isReused = false
    /// The server sent its end: nothing more will come.
    private(set) var hasEnded = false

    init(worker: Worker, pool: UpstreamPool, server: Int, address: SocketAddress, stream: consuming Stream) {
        self.worker = worker
        self.pool = pool
        self.server = server
        self.address = address
        fileDescriptor = stream.descriptor.raw
        self.stream = stream
        super.init()
    }

    /// Lends the connection to `downstream` for one request.
    func begin(for downstream: Downstream) {
        self.downstream = downstream
        sentBytes = 0
        if state == .idle {
            state = .ready
            isReused = true
        }
    }

    var isConnected: Bool { state == .ready }

    /// Nobody took the connection yet.
    var isConnecting: Bool { state == .connecting }

    /// Closes for good. The downstream must have let go, or is told by its own caller.
    func close() {
        if state == .closed { return }
        if state == .idle { pool.forget(self, server) }
        state = .closed
        downstream = nil
        worker.loop.setDeadline(self, .never)
        worker.loop.remove(fd: fileDescriptor)
        input.release()
        output.release()
    }

    /// The exchange is over and the connection clean: back to the pool, or closed when the pool has enough.
    func rest() {
        downstream = nil
        worker.giveBack(&input)
        worker.giveBack(&output)
        guard state == .ready, !hasEnded, input.isEmpty, output.isEmpty, pool.keep(self, server) else {
            close()
            return
        }
        state = .idle
        worker.loop.setDeadline(self, worker.loop.now + pool.policy.idleTimeout)
    }

    /// How long the server may be silent from now on.
    func expect(within timeout: Duration) { worker.loop.setDeadline(self, worker.loop.now + timeout) }

    func expectNothing() { worker.loop.setDeadline(self, .never) }

    package override func ready(_ readiness: Readiness, on loop: Loop) {
        stream.note(readiness)
        switch state {
        case .closed: return
        case .idle: close()  // An idle server that speaks or ends is no use (a late 408, or the end of keep-alive).
        case .connecting: finishConnecting()
        case .handshaking: continueHandshake()
        case .ready: advance()
        }
    }

    package override func deadlinePassed(on loop: Loop) {
        switch state {
        case .closed: return
        case .idle: close()
        case .connecting, .handshaking: downstream?.upstreamFailed(.upstreamTimeout)
        case .ready: downstream?.upstreamFailed(.upstreamTimeout)
        }
    }

    private func finishConnecting() {
        if let fault = Socket.connectFault(stream.descriptor) {
            worker.note(fault, server: pool.servers[server].endpoint)
            downstream?.upstreamFailed(.upstreamUnreachable)
        } else if stream.isWritable {
            state = .handshaking
            continueHandshake()
        }
    }

    private func continueHandshake() {
        switch stream.handshake() {
        case .wouldBlock: return
        case .done: becomeReady()
        case .failed(let fault):
            worker.note(fault, server: pool.servers[server].endpoint)
            downstream?.upstreamFailed(.upstreamUnreachable)
        }
    }

    private func becomeReady() {
        state = .ready
        expect(within: pool.policy.responseTimeout)
        advance()
    }

    /// Sends what waits, and lets the downstream go on in both directions.
    private func advance() {
        if !flush() { return }
        downstream?.upstreamAdvanced()
    }

    /// Sends short texts at the end of the turn, longer ones at once. False: the connection failed and the downstream knows.
    func flushSoon() -> Bool {
        if output.isEmpty || state != .ready { return true }
        if output.count >= Worker.promptBytes || !stream.isWritable { return flush() }
        if !isFlushPlanned {
            isFlushPlanned = true
            worker.loop.deferUntilEndOfTurn(self)
        }
        return true
    }

    package override func turnEnded(on loop: Loop) {
        if !isFlushPlanned { return }
        isFlushPlanned = false
        _ = flush()
    }

    /// Sends as much as the kernel takes. False: the connection failed and the downstream knows.
    func flush() -> Bool {
        if state != .ready { return true }
        while !output.isEmpty {
            switch stream.write(from: &output) {
            case .moved(let count): sentBytes += UInt64(count)
            case .wouldBlock: return true
            case .endOfStream: return fail(.upstreamClosed)
            case .failed(let fault):
                worker.note(fault, server: pool.servers[server].endpoint)
                return fail(.upstreamClosed)
            }
        }
        worker.giveBack(&output)
        return true
    }

    /// A server that answers and closes without reading the request leaves its answer in the kernel: read it before giving up.
    private func fail(_ refusal: Refusal) -> Bool {
        output.removeAll()
        writeFailed = true
        if stream.isReadable {
            downstream?.upstreamAdvanced()
        } else {
            downstream?.upstreamFailed(refusal)
        }
        return false
    }

    /// The server does not take the request any more; its answer may still come.
    private(set) var writeFailed = false

    /// Reads more of the answer into `input`. False: nothing came; `hasEnded` says whether anything ever will.
    func read() -> Bool {
        if state != .ready || hasEnded || !stream.isReadable { return false }
        worker.lend(&input)
        switch stream.read(into: &input, limit: Worker.readBytes) {
        case .moved: return true
        case .wouldBlock: return false
        case .endOfStream:
            hasEnded = true
            return false
        case .failed(let fault):
            worker.note(fault, server: pool.servers[server].endpoint)
            hasEnded = true
            return false
        }
    }

    /// Something may be read now without waiting.
    var isReadable: Bool { stream.isReadable }

    func shutdownWrite() { stream.shutdownWrite() }
}
