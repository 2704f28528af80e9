// SPDX-License-Identifier: Apache-2.0
import Rules
import Transport
import Wire

/// Requests that wait because a rule says so: before they go on, or before our answer. Bounded in number (`limits.delayed`), as each holds a
/// connection.
extension Downstream {
    /// Waits, then carries `action` out; nil: then the request goes on. Who finds no place is answered at once, and one that would
    /// only have waited is refused: a flood must not make the wait go away.
    func hold(_ time: Duration, then action: RuleAction?) {
        guard let exchange else { return }
        if worker.delayed >= worker.delayLimit {
            worker.counters.undelayed += 1
            if let action { finishHeld(action) } else { refuse(.tooManyDelayed) }
            return
        }
        worker.delayed += 1
        exchange.heldAction = action
        phase = .delayed
        worker.loop.setDeadline(self, worker.loop.now + time)
    }

    /// The time is over.
    func delayEnded() {
        guard let exchange else { return }
        worker.delayed -= 1
        phase = .gathering
        if let action = exchange.heldAction {
            exchange.heldAction = nil
            finishHeld(action)
        } else {
            forward()
        }
    }

    /// Does what a rule or a list decided about the request.
    func act(_ action: RuleAction) {
        guard let exchange else { return }
        switch action {
        case .flag, .delay: proceed(exchange)
        case .mimic:
            dropUpstream(exchange)
            hold(FailureCopy.wait(exchange, worker), then: action)
        default:
            guard let wait = exchange.answerWait else {
                finishHeld(action)
                return
            }
            dropUpstream(exchange)
            hold(wait, then: action)
        }
    }

    /// Answers, or closes.
    private func finishHeld(_ action: RuleAction) {
        guard let exchange else { return }
        switch action {
        case .block(let status): answer(status: status, page: .block, location: nil)
        case .redirect(let status, let location): answer(status: status, page: .none, location: location)
        case .respond(let answer): self.answer(status: answer.status, page: .own(answer), location: nil)
        case .mimic(let fallback):
            if FailureCopy.make(exchange, worker) {
                answerAsTheService(exchange)
            } else {
                answer(status: fallback.status, page: .own(fallback), location: nil)
            }
        case .close:
            exchange.status = 0
            abort()
        case .flag, .delay: break
        }
    }

    /// Nothing speaks against the request any more: it goes out, after the delay that a rule asked for.
    func proceed(_ exchange: Exchange) {
        guard let time = exchange.delay else {
            forward()
            return
        }
        hold(time, then: nil)
    }
}
