// SPDX-License-Identifier: Apache-2.0
import Transport
import Wire

/// How long it waits for what.
extension Downstream {
    var waitsForClient: Bool { !output.isEmpty && !isFlushPlanned }

    /// Memory and deadline for the time until the next event.
    func settle() {
        worker.giveBack(&input)
        let limits = worker.policy.limits
        let now = worker.loop.now
        let deadline: MonotonicTime =
            switch phase {
            case .preface, .handshake: headDeadline(limits)
            case .head:
                if let carrier {
                    carrier.stream == nil ? .never : readDeadline(limits, now)
                } else if waitsForClient {
                    readDeadline(limits, now)
                } else if !input.isEmpty {
                    headDeadline(limits)
                } else {
                    min(leavesAt, servedRequests == 0 ? headDeadline(limits) : now + limits.idleTimeout)
                }
            case .gathering: bodyDeadline(limits, now)
            case .forwarding:
                if waitsForClient {
                    readDeadline(limits, now)
                } else if let exchange, !exchange.requestFlow.hasEnded {
                    bodyDeadline(limits, now)
                } else {
                    .never
                }
            case .tunnel: now + limits.idleTimeout
            case .lingering: carrier == nil ? lingerUntil : readDeadline(limits, now)
            case .multiplexed: multiplexedDeadline(limits, now)
            case .delayed, .closed: .never
            }
        if phase != .delayed { worker.loop.setDeadline(self, deadline) }
    }

    /// The next piece of the body, and enough of it so far. While the upstream has to take what came, nobody waits for the client.
    func bodyDeadline(_ limits: borrowing ExchangeLimits, _ now: MonotonicTime) -> MonotonicTime {
        if let upstream = exchange?.upstream, upstream.output.count >= Worker.highWaterBytes {
            bodyPace.stop()
        } else {
            bodyPace.wait(now)
        }
        return min(now + limits.bodyTimeout, bodyPace.deadline(rate: limits.bodyRate, grace: limits.rateGrace))
    }

    /// The next read of what waits, and enough of them so far.
    func readDeadline(_ limits: borrowing ExchangeLimits, _ now: MonotonicTime) -> MonotonicTime {
        readPace.wait(now)
        return min(now + limits.writeTimeout, readPace.deadline(rate: limits.readRate, grace: limits.rateGrace))
    }

    /// It only waits: for its first request, for the rest of one, or for the next.
    var isQuiet: Bool {
        switch phase {
        case .preface, .handshake: true
        case .head: output.isEmpty
        case .multiplexed: output.isEmpty && http2?.isIdle == true
        default: false
        }
    }

    /// The head must be complete so long after its first byte (or after the connection was accepted), however it drips.
    func headDeadline(_ limits: borrowing ExchangeLimits) -> MonotonicTime {
        if headStartedAt == .never { headStartedAt = worker.loop.now }
        return headStartedAt + limits.headerTimeout
    }
}
