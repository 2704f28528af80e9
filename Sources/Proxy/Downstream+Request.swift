// SPDX-License-Identifier: Apache-2.0
import Transport
import Wire

/// The request's way: gathered for inspection when that is asked for, then forwarded.
extension Downstream {
    /// Does what inspection decided.
    func carryOut(_ decision: Inspection.Decision) {
        guard let exchange else { return }
        switch decision {
        case .pass: proceed(exchange)
        case .gather:
            exchange.isBuffered = true
            if exchange.expectsContinue {
                // The upstream will get the whole body at once, so the client's question is answered here.
                output.append("HTTP/1.1 100 Continue\r\n\r\n")
                if !flush() || phase == .closed { break }
            }
            phase = .gathering
        case .refuse(let refusal): refuse(refusal)
        case .act(let action): act(action)
        }
    }

    // MARK: Gathering

    func stepGathering() -> Bool {
        guard let exchange else { return false }
        if !output.isEmpty && !flush() { return false }
        if phase == .closed { return false }
        let limits = exchange.policy.limits.head
        do throws(HeadError) {
            while !exchange.requestFlow.hasEnded {
                switch try exchange.requestFlow.next(in: input, limits: limits) {
                case .data(let range):
                    input.copy(range, to: &exchange.body)
                    consume(Int(range.end), exchange)
                case .end(let consumed):
                    Forwarding.appendTrailers(exchange.requestFlow.trailers, of: input, to: &exchange.trailerLines)
                    consume(consumed, exchange)
                case .needMore(let consumed):
                    consume(consumed, exchange)
                    if consumed == 0 && !read() {
                        if inputEnded { abort() }
                        return false
                    }
                }
                if let refusal = overLimit(exchange) {
                    if refusal == .overBody && !exchange.policy.limits.refusesOverBody {
                        letPassUninspected(exchange)
                        return true
                    }
                    refuse(refusal)
                    return true
                }
            }
        } catch {
            refuse(.malformed(error))
            return true
        }
        carryOut(Inspection.inspectBody(exchange, worker))
        return true
    }

    private func consume(_ count: Int, _ exchange: Exchange) {
        input.consume(count)
        exchange.bytesIn += UInt64(count)
        bodyPace.moved(count)
    }

    private func overLimit(_ exchange: Exchange) -> Refusal? {
        if let maximum = exchange.policy.limits.bodyBytes, UInt64(exchange.body.count) > maximum {
            return .bodyTooLarge
        }
        return exchange.body.count > exchange.policy.limits.inspectedBytes ? .overBody : nil
    }

    /// `over_body: allow`: what was gathered goes first, the rest is streamed behind it. Counted, and named in the log.
    private func letPassUninspected(_ exchange: Exchange) {
        worker.counters.uninspectedBodies += 1
        exchange.reason.append("over_body")
        carryOut(Inspection.inspectName(exchange, worker))
    }

    // MARK: Forwarding

    /// Sends the request to a server, to this one if it says which: on an idle connection if there is one, else on a new one.
    func forward(to chosen: Int? = nil) {
        guard let exchange, let service = exchange.service else { return }
        let pool = exchange.pool ?? worker.pool(for: service)
        exchange.pool = pool
        phase = .forwarding
        let key = chosen == nil ? Affinity.key(of: exchange, by: pool.policy.balancing) : nil
        guard let server = chosen ?? pool.choose(tried: exchange.triedServers, key: key, now: worker.loop.now) else {
            refuse(exchange.attempts == 0 ? .noUpstream : .upstreamUnreachable)
            return
        }
        if chosen == nil {
            exchange.attempts += 1
            exchange.failedAddresses = 0
        }
        exchange.server = server
        pool.began(server)
        exchange.isCharged = true
        let endpoint = pool.servers[server].endpoint
        exchange.upstreamStartedAt = worker.loop.now
        if let idle = pool.takeIdle(server) {
            send(exchange, on: idle, endpoint)
            idle.expect(within: pool.policy.responseTimeout)
            return
        }
        let opened: Upstream?
        do throws(Fault) {
            opened = try Connecting.open(pool: pool, server: server, worker: worker)
        } catch {
            // Another server would meet the same lack, and this one is not to blame.
            refuse(.noUpstream)
            return
        }
        guard let upstream = opened else {
            pendingFault = .upstreamUnreachable
            return
        }
        send(exchange, on: upstream, endpoint)
        upstream.expect(within: pool.policy.connectTimeout)
    }

    private func send(_ exchange: Exchange, on upstream: Upstream, _ endpoint: ServerEndpoint) {
        exchange.upstream = upstream
        upstream.begin(for: self)
        worker.lend(&upstream.output)
        Forwarding.writeRequest(
            exchange, to: endpoint, preservesHost: upstream.pool.policy.preservesHost, body: announcement(exchange),
            into: &upstream.output)
        if exchange.isBuffered {
            let chunked = exchange.sendsRequestChunked
            let body = exchange.body
            Forwarding.append(body.span, chunked: chunked, into: &upstream.output)
            if chunked && exchange.requestFlow.hasEnded {
                upstream.output.append("0\r\n")
                upstream.output.append(exchange.trailerLines)
                upstream.output.append("\r\n")
            }
        }
        if upstream.isConnected {
            pumpRequest(exchange, upstream)
            _ = upstream.flushSoon()
        }
    }

    private func announcement(_ exchange: Exchange) -> BodyFraming {
        switch exchange.requestFraming {
        case .none, .untilClose: return .none
        case .length(let count): return .length(count)
        case .chunked:
            exchange.sendsRequestChunked = true
            return .chunked
        }
    }

    /// Moves body bytes from the client to the upstream until one of them has to wait.
    func pumpRequest(_ exchange: Exchange, _ upstream: Upstream) {
        if exchange.requestFlow.hasEnded || !upstream.isConnected || upstream.writeFailed { return }
        let chunked = exchange.sendsRequestChunked
        let limits = exchange.policy.limits.head
        do throws(HeadError) {
            while !exchange.requestFlow.hasEnded && upstream.output.count < Worker.highWaterBytes {
                switch try exchange.requestFlow.next(in: input, limits: limits) {
                case .data(let range):
                    worker.lend(&upstream.output)
                    Forwarding.append(range, of: input, chunked: chunked, into: &upstream.output)
                    exchange.streamedBytes += UInt64(range.count)
                    consume(Int(range.end), exchange)
                    if !mayGoOn(after: range.count) { return }
                    if let maximum = exchange.policy.limits.bodyBytes, exchange.streamedBytes > maximum {
                        refuse(.bodyTooLarge)
                        return
                    }
                case .end(let consumed):
                    worker.lend(&upstream.output)
                    Forwarding.appendEnd(trailers: exchange.requestFlow.trailers, of: input, into: &upstream.output)
                    consume(consumed, exchange)
                case .needMore(let consumed):
                    consume(consumed, exchange)
                    if consumed > 0 { continue }
                    if !upstream.flushSoon() { return }
                    if !read() {
                        if inputEnded { abort() }
                        return
                    }
                }
            }
        } catch {
            refuse(.malformed(error))
        }
    }

    // MARK: Faults

    /// The upstream failed: another try where that is safe, else our own answer, or the end when theirs had begun.
    func recover(from fault: Refusal) {
        guard let exchange else { return }
        let sent = exchange.upstream?.sentBytes ?? 0
        let wasReused = exchange.upstream?.isReused ?? false
        let pool = exchange.pool
        if triesOtherAddress(exchange) { return }
        if let pool {
            // An idle connection that the server closed meanwhile says nothing about the server's health.
            if !wasReused || fault == .upstreamTimeout {
                if pool.failed(exchange.server, now: worker.loop.now) { worker.counters.serversPutAside += 1 }
                if exchange.server < 64 { exchange.triedServers |= 1 << UInt64(exchange.server) }
            }
            let retries = pool.policy.retries + (wasReused ? 1 : 0)
            if fault != .upstreamTimeout || sent == 0, exchange.mayRetry(sentBytes: sent, retries: retries) {
                exchange.upstream?.close()
                exchange.upstream = nil
                releaseServer(exchange)
                if pool.hasMore(tried: exchange.triedServers) {
                    worker.counters.upstreamRetries += 1
                    forward()
                    return
                }
            }
        }
        if exchange.hasResponseHead {
            // Part of an answer is out: only a broken connection tells the client that it is not whole.
            stream.resetOnClose()
            abort()
        } else {
            refuse(fault)
        }
    }

    /// The server's name has another address than the one that took no connection: that is still the same try.
    private func triesOtherAddress(_ exchange: Exchange) -> Bool {
        guard let pool = exchange.pool, let upstream = exchange.upstream, upstream.isConnecting,
            exchange.mayRetry(sentBytes: 0, retries: .max)
        else { return false }
        let endpoint = pool.servers[exchange.server].endpoint
        endpoint.avoid(upstream.address, until: worker.loop.now + pool.policy.failTimeout)
        exchange.failedAddresses += 1
        if exchange.failedAddresses >= endpoint.addressCount { return false }
        dropUpstream(exchange)
        forward(to: exchange.server)
        return true
    }

    /// The server is no longer busy with this exchange.
    func releaseServer(_ exchange: Exchange) {
        if exchange.isCharged { exchange.pool?.ended(exchange.server) }
        exchange.isCharged = false
    }

    func dropUpstream(_ exchange: Exchange) {
        exchange.upstream?.close()
        exchange.upstream = nil
        releaseServer(exchange)
    }
}
