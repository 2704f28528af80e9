// SPDX-License-Identifier: Apache-2.0
import Rules
import Transport
import Wire

/// The beginning: the PROXY preface, the TLS handshake, and each request's head.
extension Downstream {
    func stepPreface() -> Bool {
        do {
            switch try ProxyProtocol.parse(input.bytes) {
            case .incomplete:
                switch stream.readPreface(into: &input, limit: ProxyProtocol.missingBytes(input.bytes)) {
                case .moved: return true
                case .wouldBlock: return false
                case .endOfStream, .failed:
                    abort()
                    return false
                }
            case .header(let consumed, let source):
                input.consume(consumed)
                if let source { peer = source.address }
                beginTLS()
                return true
            }
        } catch {
            worker.counters.prefaceErrors += 1
            abort()
            return false
        }
    }

    func stepHandshake() -> Bool {
        switch stream.handshake() {
        case .wouldBlock: return false
        case .done:
            phase = .head
            if listener.http2 && stream.tls?.speaksHTTP2 == true { beginHTTP2() }
            return true
        case .failed:
            worker.counters.handshakeErrors += 1
            abort()
            return false
        }
    }

    func stepHead() -> Bool {
        if !flushSoon() { return false }
        if closesAfterFlush {
            if !flush() { return false }
            if phase == .closed { return false }
            linger()
            return true
        }
        if let problem = carrier?.takeProblem() {
            refuseWithoutRequest(.malformed(problem))
            return true
        }
        if input.isEmpty {
            if !read() {
                if inputEnded { abort() }
                return false
            }
        }
        if headStartedAt == .never { headStartedAt = worker.loop.now }
        do {
            let limits = worker.policy.limits.head
            if try !HeadParser.parseRequest(in: input, limits: limits, progress: &progress, into: &worker.parsing) {
                if read() { return true }
                if inputEnded { abort() }
                return false
            }
        } catch {
            if let isPreface = recognisePreface() { return isPreface }
            refuseWithoutRequest(.malformed(error))
            return true
        }
        progress.reset()
        beginExchange()
        return true
    }

    private func beginExchange() {
        let exchange = worker.takeExchange()
        self.exchange = exchange
        swap(&exchange.request, &worker.parsing)
        input.copy(ByteRange(0, exchange.request.length), to: &exchange.requestBytes)
        input.consume(exchange.request.length)
        exchange.bytesIn = UInt64(exchange.request.length)
        exchange.peer = peer
        exchange.client = peer
        exchange.isSecure = listener.tls != nil
        if exchange.isSecure { exchange.tlsPrint = (carrier?.connection.tls ?? stream.tls)?.print }
        exchange.startedAt = worker.loop.now
        exchange.startedUnixNanoseconds = worker.loop.unixNanoseconds
        servedRequests += 1
        let bytes = exchange.requestSpan
        do {
            exchange.requestFraming = try BodyFraming.request(exchange.request, bytes)
            try carrier?.begin(exchange)
        } catch {
            refuse(.malformed(error))
            return
        }
        exchange.requestFlow.start(exchange.requestFraming)
        exchange.clientKeepsAlive = Persistence.clientKeepsAlive(exchange.request, bytes)
        if let problem = Persistence.readExpectations(of: exchange) {
            refuse(problem)
            return
        }
        if case .length(let count) = exchange.requestFraming, let maximum = exchange.policy.limits.bodyBytes,
            count > maximum
        {
            refuse(.bodyTooLarge)
            return
        }
        let decision = Inspection.inspectHead(exchange, worker)
        // Only events say what was agreed: other requests do not pay for the texts.
        if exchange.login.isLogin, let tls = carrier?.connection.tls ?? stream.tls {
            exchange.login.tlsVersion += Array(tls.version.utf8)
            exchange.login.tlsCipher += Array((tls.cipher ?? "").utf8)
            exchange.login.tlsServerName += tls.serverName ?? []
        }
        carryOut(decision)
    }
}
