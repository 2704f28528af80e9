// SPDX-License-Identifier: Apache-2.0
package import Transport
import Wire

/// The active check of one upstream server: asks for `path` every `interval` and notes whether a 2xx or 3xx came in time, or
/// without a path whether a connection (and its handshake) came about.
/// Confined to the loop that runs it; the result stands in the shared `ServerEndpoint`.
package final class HealthCheck: EventTarget {
    private enum State {
        case waiting, connecting, handshaking, exchanging
    }

    /// How long an address that takes no connection is tried after the name's others.
    static let avoidance = Duration.seconds(10)

    private let loop: Loop
    private let endpoint: ServerEndpoint
    private let tls: TLSContext?
    private let path: [UInt8]?
    private let interval: Duration
    private let timeout: Duration
    private let changed: @Sendable (ServerEndpoint, Bool) -> Void
    private var state = State.waiting
    private var stream: Stream?
    private var fileDescriptor: Int32 = -1
    private var input = ByteBuffer()
    private var output = ByteBuffer()
    private var progress = HeadProgress()
    private var head = ResponseHead()
    private var isStopped = false
    private var address: SocketAddress?
    /// Addresses of the name that this check tried in vain.
    private var failedAddresses = 0

    /// `changed` is told when the answer differs from the one before.
    package init(
        loop: Loop, endpoint: ServerEndpoint, tls: TLSContext?, path: String?, interval: Duration, timeout: Duration,
        changed: @escaping @Sendable (ServerEndpoint, Bool) -> Void
    ) {
        self.loop = loop
        self.endpoint = endpoint
        self.tls = tls
        self.path = path.map { Array($0.utf8) }
        self.interval = interval
        self.timeout = timeout
        self.changed = changed
        super.init()
    }

    /// Begins with the first check at once.
    package func start() { begin() }

    package func stop() {
        isStopped = true
        disconnect()
        loop.setDeadline(self, .never)
    }

    private func begin() {
        guard !isStopped, let address = endpoint.nextAddress(now: loop.now) else {
            conclude(passing: false)
            return
        }
        self.address = address
        do throws(Fault) {
            let stream = try Connecting.begin(address, tls: tls, serverName: endpoint.serverName)
            fileDescriptor = stream.descriptor.raw
            self.stream = consume stream
            state = .connecting
            try loop.add(fd: fileDescriptor, self)
            loop.setDeadline(self, loop.now + timeout)
        } catch {
            if error.isOurLack { postpone() } else { conclude(passing: false) }
        }
    }

    /// Nothing was learned about the server.
    private func postpone() {
        disconnect()
        failedAddresses = 0
        loop.setDeadline(self, loop.now + interval)
    }

    package override func ready(_ readiness: Readiness, on loop: Loop) {
        stream?.note(readiness)
        advance()
    }

    package override func deadlinePassed(on loop: Loop) {
        if state == .waiting { begin() } else { conclude(passing: false) }
    }

    private func advance() {
        switch state {
        case .waiting: return
        case .connecting:
            guard stream?.isWritable == true else { return }
            if stream?.connectFault != nil {
                conclude(passing: false)
                return
            }
            if let path { writeRequest(path) }
            state = .handshaking
            advance()
        case .handshaking:
            switch stream?.handshake() {
            case .done:
                if path == nil {
                    conclude(passing: true)
                    return
                }
                state = .exchanging
                advance()
            case .failed, nil: conclude(passing: false)
            case .wouldBlock: return
            }
        case .exchanging: exchange()
        }
    }

    private func writeRequest(_ path: [UInt8]) {
        output.append("GET ")
        output.append(path)
        output.append(" HTTP/1.1\r\nHost: ")
        output.append(endpoint.authority)
        output.append("\r\nUser-Agent: loginward-health\r\nConnection: close\r\n\r\n")
    }

    private func exchange() {
        while !output.isEmpty {
            switch stream?.write(from: &output) {
            case .moved: continue
            case .wouldBlock: return
            default:
                conclude(passing: false)
                return
            }
        }
        while true {
            switch stream?.read(into: &input, limit: 16 * 1024) {
            case .moved:
                do {
                    if try HeadParser.parseResponse(in: input, limits: HeadLimits(), progress: &progress, into: &head) {
                        conclude(passing: head.status >= 200 && head.status < 400)
                        return
                    }
                } catch {
                    conclude(passing: false)
                    return
                }
            case .wouldBlock: return
            default:
                conclude(passing: false)
                return
            }
        }
    }

    private func conclude(passing: Bool) {
        let wasConnecting = state == .connecting || state == .waiting
        disconnect()
        if isStopped { return }
        if !passing, wasConnecting, let address {
            endpoint.avoid(address, until: loop.now + HealthCheck.avoidance)
            failedAddresses += 1
            if failedAddresses < endpoint.addressCount {
                begin()
                return
            }
        }
        failedAddresses = 0
        if endpoint.isPassing != passing {
            if passing { endpoint.passes(since: loop.now) } else { endpoint.setPassing(false) }
            changed(endpoint, passing)
        }
        loop.setDeadline(self, loop.now + interval)
    }

    private func disconnect() {
        state = .waiting
        if fileDescriptor >= 0 { loop.remove(fd: fileDescriptor) }
        fileDescriptor = -1
        stream = nil
        input.release()
        output.release()
        progress.reset()
    }
}
