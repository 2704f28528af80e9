// SPDX-License-Identifier: Apache-2.0
import HTTP2
import Transport
import Wire

/// The socket of an HTTP/2 connection: frames in and out, and the end.
extension Downstream {
    /// From now on its requests are streams.
    func beginHTTP2() {
        phase = .multiplexed
        worker.counters.http2Connections += 1
        http2 = HTTP2Connection(owner: self)
        planMultiplexed()
    }

    /// Whether what could not be read as a request is HTTP/2's preface, which a client without TLS may begin with. nil: it is not; false: more
    /// of it must come.
    func recognisePreface() -> Bool? {
        if !listener.http2 || listener.tls != nil || servedRequests > 0 || carrier != nil { return nil }
        if !HTTP2Session.mayBePreface(input) { return nil }
        progress.reset()
        if input.count < HTTP2Session.preface.utf8CodeUnitCount {
            if read() { return true }
            if inputEnded { abort() }
            return false
        }
        headStartedAt = .never
        beginHTTP2()
        return true
    }

    func stepMultiplexed() -> Bool {
        guard let http2 else { return false }
        if waitsForClient {
            // Who does not read what waits for him is not read from.
            if !flush() && output.count >= Worker.highWaterBytes { return false }
            if phase == .closed { return false }
            if output.isEmpty { planMultiplexed() }
        }
        if input.isEmpty && !read() {
            if inputEnded { abort() }
            return false
        }
        let count = input.count
        http2.receive(input)
        input.removeAll()
        if phase == .closed { return false }
        planMultiplexed()
        return mayGoOn(after: count)
    }

    /// Frames leave at the end of the turn, those of all streams together.
    func planMultiplexed() {
        if isFlushPlanned || phase != .multiplexed { return }
        isFlushPlanned = true
        worker.loop.deferUntilEndOfTurn(self)
    }

    func sendMultiplexed() {
        guard let http2 else { return }
        var room = Worker.turnBytes
        while phase == .multiplexed {
            worker.lend(&output)
            http2.produce(into: &output)
            if output.isEmpty { break }
            room -= output.count
            let isOut = flush()
            if phase != .multiplexed { return }
            http2.serve()
            if !isOut { break }
            if room <= 0 {
                planMultiplexed()
                break
            }
        }
        worker.giveBack(&output)
        if phase != .multiplexed { return }
        if http2.isIdle && (quietSince == .never || headStartedAt != .never) { quietSince = worker.loop.now }
        if output.isEmpty && (http2.session.isOver || (http2.isEnding && http2.isIdle)) {
            http2.close()
            // A flood is not read to its end.
            if http2.session.flood != nil { abort() } else { linger() }
            return
        }
        settle()
    }

    /// A connection without streams waits as long as one of HTTP/1.1 between two requests; one with streams leaves the waiting to them.
    func multiplexedDeadline(_ limits: borrowing ExchangeLimits, _ now: MonotonicTime) -> MonotonicTime {
        guard let http2 else { return .never }
        if waitsForClient { return readDeadline(limits, now) }
        if http2.session.isInHeaders { return headDeadline(limits) }
        if servedRequests > 0 { headStartedAt = .never }
        if !http2.isIdle {
            quietSince = .never
            return http2.isEnding ? .never : leavesAt
        }
        if quietSince == .never { quietSince = now }
        return min(leavesAt, servedRequests == 0 ? headDeadline(limits) : quietSince + limits.idleTimeout)
    }

    func multiplexedDeadlinePassed() {
        guard let http2 else { return }
        if waitsForClient {
            stream.resetOnClose()
            abort()
            return
        }
        if http2.session.isInHeaders { worker.counters.countRefusal(.headerTimeout) }
        if http2.isEnding || http2.session.isInHeaders {
            abort()
            return
        }
        http2.end()
    }

    // MARK: The stream's side

    /// Takes more of the request that its stream brought; when the answer is out, lets go of the stream.
    func readCarried() -> Bool {
        guard let carrier, let stream = carrier.stream else { return false }
        if phase == .head && stream.answerEnded {
            if carrier.isDelivered {
                readPace.stop()
                carrier.connection.finished(self, carrier)
            }
            return false
        }
        if !carrier.connection.session.take(stream, into: &input) { return false }
        carrier.connection.tookRequest()
        return true
    }

    /// Its client took something since we looked, and enough of it: what waits in a stream moves without telling us.
    func keepsReading() -> Bool {
        guard let stream = carrier?.stream, phase != .gathering && phase != .delayed else { return false }
        let count = stream.takeDelivered()
        if count == 0 { return false }
        readPace.moved(count)
        let limits = worker.policy.limits
        if readPace.deadline(rate: limits.readRate, grace: limits.rateGrace) <= worker.loop.now { return false }
        settle()
        return true
    }

    /// As `flush`, to the stream.
    func flush(into carrier: Carrier) -> Bool {
        guard let stream = carrier.stream else {
            output.removeAll()
            return true
        }
        readPace.moved(stream.takeDelivered())
        do throws(HeadError) {
            let isOut = try carrier.send(&output, stream)
            if isOut && stream.pendingBytes == 0 { readPace.stop() }
            if isOut { worker.giveBack(&output) }
            return isOut
        } catch {
            abort()
            return true
        }
    }
}
