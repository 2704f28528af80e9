// SPDX-License-Identifier: Apache-2.0
import Rules
import Transport
import Wire

/// The answer's way back, and the answers that are our own.
extension Downstream {
    /// Most 1xx answers that are passed on before the final one; more is a storm.
    private static let informationalLimit = 16

    func stepForwarding() -> Bool {
        guard let exchange else { return false }
        if let fault = pendingFault {
            pendingFault = nil
            recover(from: fault)
            return true
        }
        guard let upstream = exchange.upstream else { return false }
        let before = exchange.streamedBytes
        pumpRequest(exchange, upstream)
        if phase != .forwarding || exchange.upstream !== upstream { return phase != .closed }
        if !upstream.flushSoon() { return pendingFault != nil }
        // When everything went out no event will call again, so what is left of the body must be moved now.
        let hasRoom = exchange.streamedBytes != before && upstream.output.isEmpty && !isOutOfAllowance
        if !flushSoon() {
            // The client reads slowly: the upstream is not to blame for its silence meanwhile.
            if output.count >= Worker.highWaterBytes { upstream.expectNothing() }
        }
        if phase != .forwarding { return phase != .closed }
        return pumpResponse(exchange, upstream) || hasRoom
    }

    /// Moves the answer from the upstream to the client until one of them has to wait. True: something changed.
    private func pumpResponse(_ exchange: Exchange, _ upstream: Upstream) -> Bool {
        if !upstream.isConnected { return false }
        let limits = exchange.policy.limits.head
        do throws(HeadError) {
            if !exchange.hasResponseHead {
                if try !readResponseHead(exchange, upstream) { return false }
                // A final head goes on with its body at once, so that both leave in one packet.
                if !exchange.hasResponseHead || phase != .forwarding { return true }
            }
            while !exchange.responseFlow.hasEnded {
                if output.count >= Worker.highWaterBytes {
                    if !flush() || phase == .closed { return false }
                }
                switch try exchange.responseFlow.next(in: upstream.input, limits: limits) {
                case .data(let range):
                    if exchange.observesBody { observe(exchange, upstream, range) }
                    worker.lend(&output)
                    Forwarding.append(range, of: upstream.input, chunked: exchange.sendsChunked, into: &output)
                    exchange.bytesOut += UInt64(range.count)
                    upstream.input.consume(Int(range.end))
                    if !mayGoOn(after: range.count) {
                        _ = flushSoon()
                        return false
                    }
                case .end(let consumed):
                    finishChunks(exchange, upstream)
                    upstream.input.consume(consumed)
                case .needMore(let consumed):
                    upstream.input.consume(consumed)
                    if consumed > 0 { continue }
                    if upstream.read() {
                        upstream.expect(within: upstream.pool.policy.responseTimeout)
                        continue
                    }
                    if !upstream.hasEnded {
                        _ = flushSoon()
                        return false
                    }
                    if !exchange.responseFlow.peerClosed() {
                        pendingFault = .upstreamClosed
                        return true
                    }
                    finishChunks(exchange, upstream)
                }
            }
        } catch {
            pendingFault = .upstreamMalformed(error)
            return true
        }
        finishResponse(exchange, upstream)
        return true
    }

    /// The last chunk, when the client gets chunks.
    private func finishChunks(_ exchange: Exchange, _ upstream: Upstream) {
        if !exchange.sendsChunked { return }
        worker.lend(&output)
        Forwarding.appendEnd(trailers: exchange.responseFlow.trailers, of: upstream.input, into: &output)
    }

    /// Keeps a bounded copy for the outcome tests.
    private func observe(_ exchange: Exchange, _ upstream: Upstream, _ range: ByteRange) {
        let room = exchange.policy.limits.inspectedBytes - exchange.observedBody.count
        if range.count > room { exchange.observedIsIncomplete = true }
        upstream.input.copy(range, limit: room, to: &exchange.observedBody)
    }

    // MARK: Head

    private func readResponseHead(_ exchange: Exchange, _ upstream: Upstream) throws(HeadError) -> Bool {
        if upstream.input.isEmpty && !upstream.read() {
            if upstream.hasEnded || upstream.writeFailed {
                pendingFault = .upstreamClosed
                return true
            }
            return false
        }
        let limits = exchange.policy.limits.head
        if try !HeadParser.parseResponse(
            in: upstream.input, limits: limits, progress: &exchange.responseProgress, into: &exchange.response)
        {
            if upstream.read() { return true }
            if upstream.hasEnded { pendingFault = .upstreamClosed }
            return upstream.hasEnded
        }
        exchange.responseProgress.reset()
        exchange.responseBytes.removeAll()
        upstream.input.copy(ByteRange(0, exchange.response.length), to: &exchange.responseBytes)
        upstream.input.consume(exchange.response.length)
        if exchange.response.status < 200 {
            informational(exchange, upstream)
            return true
        }
        let method = exchange.request.method
        let answerBytes = exchange.responseSpan
        let framing = try BodyFraming.response(exchange.response, answerBytes, to: method)
        exchange.responseFlow.start(framing)
        exchange.hasResponseHead = true
        exchange.status = exchange.response.status
        exchange.upstreamNanoseconds = worker.loop.now.nanoseconds &- exchange.upstreamStartedAt.nanoseconds
        upstream.pool.succeeded(exchange.server)
        upstream.expect(within: upstream.pool.policy.responseTimeout)
        if let action = Inspection.inspectResponse(exchange, worker) {
            exchange.hasResponseHead = false
            dropUpstream(exchange)
            carryOut(.act(action))
            return true
        }
        writeHead(exchange, framing)
        return true
    }

    private func writeHead(_ exchange: Exchange, _ framing: BodyFraming) {
        var announcement = BodyFraming.none
        switch framing {
        case .none:
            // No body at all; a length of zero is said where a body could have been (RFC 9110 §8.6).
            break
        case .length(let count): announcement = .length(count)
        case .chunked, .untilClose:
            if exchange.request.version != .http10 {
                announcement = .chunked
                exchange.sendsChunked = true
            } else {
                exchange.clientKeepsAlive = false
            }
        }
        if !exchange.requestFlow.hasEnded || isLeaving || isWornOut { exchange.clientKeepsAlive = false }
        worker.lend(&output)
        let before = output.count
        let date = worker.date
        Answering.writeResponse(
            exchange, body: announcement, keepsAlive: exchange.clientKeepsAlive, date: date.span, into: &output)
        exchange.bytesOut += UInt64(output.count - before)
    }

    private func informational(_ exchange: Exchange, _ upstream: Upstream) {
        let status = exchange.response.status
        if status == 101 {
            if exchange.wantsUpgrade { beginTunnel(exchange) } else { pendingFault = .upstreamMalformed(.badStatus) }
            return
        }
        exchange.informationalCount += 1
        if exchange.informationalCount > Downstream.informationalLimit {
            pendingFault = .upstreamMalformed(.badStatus)
            return
        }
        // HTTP/1.0 knows no 1xx, and a 100 is only for those who asked (RFC 9110 §15.2).
        let passes =
            exchange.request.version != .http10 && (status != 100 || (exchange.expectsContinue && !exchange.isBuffered))
        if passes {
            worker.lend(&output)
            Answering.writeInformational(exchange, into: &output)
            _ = flush()
        }
        exchange.response.reset()
    }

    /// The answer is complete in `output`.
    private func finishResponse(_ exchange: Exchange, _ upstream: Upstream) {
        let answerBytes = exchange.responseSpan
        Inspection.inspectResponseBody(exchange, worker)
        let isWhole = exchange.requestFlow.hasEnded && upstream.output.isEmpty && !upstream.writeFailed
        let persists = Persistence.serverKeepsAlive(exchange.response, answerBytes)
        exchange.upstream = nil
        // Bytes behind the answer belong to no request of ours: whoever sent them, nobody shall read them as an answer.
        if isWhole && persists && upstream.input.isEmpty && !upstream.hasEnded {
            upstream.rest()
        } else {
            upstream.close()
        }
        releaseServer(exchange)
        finish(keepsAlive: exchange.clientKeepsAlive && exchange.requestFlow.hasEnded)
    }

    // MARK: Answers of our own

    enum Page {
        case none, block
        case own(RuleAnswer)
    }

    /// Says no and why; closes unless the refusal is no fault of the connection's framing.
    func refuse(_ refusal: Refusal) {
        guard let exchange else { return }
        worker.counters.countRefusal(refusal)
        exchange.outcome = refusal.isUpstreamFault ? .failed : .refused
        exchange.reason.removeAll(keepingCapacity: true)
        exchange.reason.append(refusal.reason)
        if exchange.hasResponseHead {
            stream.resetOnClose()
            abort()
            return
        }
        if !refusal.keepsConnection { exchange.clientKeepsAlive = false }
        answer(status: refusal.status, page: .none, location: nil)
    }
}
