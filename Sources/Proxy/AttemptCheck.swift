// SPDX-License-Identifier: Apache-2.0
import Logins
import Rules
import Wire

/// Where the detection meets an exchange: before a login goes out, when its answer comes, and at the end. Stateless.
package enum AttemptCheck {
    /// Tells a service which attempts it should ask for a second proof. A client that sends it is not believed.
    package static let challengeHeader = "x-loginward-challenge"

    /// The typed name is known. What the detection says of the attempt; nil: it may go on.
    static func arrive(_ exchange: Exchange, _ worker: Worker) -> RuleAction? {
        guard exchange.login.hasName, exchange.login.attempt == nil, let route = exchange.login.route,
            route.kind == .login || isReconnaissance(route.kind), exchange.policy.detects
        else { return nil }
        let ledger = worker.ledger
        let bytes = exchange.requestSpan
        var attempt = Attempt()
        attempt.time = Double(exchange.startedUnixNanoseconds) / 1e9
        attempt.client = exchange.client
        attempt.isReconnoitring = route.kind != .login
        // An address of this machine is the operator's own, or a proxy that nobody trusts yet and that stands for everybody.
        attempt.isOnlyNoted = exchange.policy.monitorsOnly || exchange.isMonitored || exchange.client.isLoopback
        let account = normalised(exchange.login.name)
        attempt.account = account.isEmpty ? 0 : ledger.hash.of(account.span)
        worker.headerList.removeAll()
        for index in exchange.request.fields.indices {
            let field = exchange.request.fields[index]
            worker.headerList.append(bytes.slice(field.name), bytes.slice(field.value))
            if field.known == .cookie { DeviceMark.read(bytes.slice(field.value), exchange, ledger, &attempt) }
        }
        attempt.password = password(exchange, ledger)
        let decision = ledger.arrive(&attempt, worker.headerList, tls: exchange.tlsPrint, name: account)
        exchange.login.attempt = attempt
        exchange.login.decision = decision
        return act(on: decision, exchange, worker)
    }

    private static func act(on decision: Decision, _ exchange: Exchange, _ worker: Worker) -> RuleAction? {
        switch decision.action {
        case .allow, .withhold:
            if decision.isNoted { note(exchange, decision) }
            return nil
        case .challenge:
            worker.counters.challengedLogins += 1
            exchange.flagLines.append(challengeHeader.utf8.span)
            exchange.flagLines.append(": ")
            exchange.flagLines.append(decision.reason.rawValue.utf8.span)
            exchange.flagLines.append("\r\n")
            return nil
        case .block:
            worker.counters.attackBlocks += 1
            exchange.login.isSettled = true
            return refuse(exchange, decision)
        case .limit:
            worker.counters.attackBlocks += 1
            exchange.login.isSettled = true
            return refuse(exchange, decision, status: 429)
        }
    }

    /// Pages that tell which accounts there are.
    private static func isReconnaissance(_ kind: EventKind) -> Bool { kind == .passwordReset || kind == .signup }

    /// What would have been done is told.
    private static func note(_ exchange: Exchange, _ decision: Decision) {
        tell(exchange, decision)
        exchange.outcome = .monitored
    }

    private static func tell(_ exchange: Exchange, _ decision: Decision) {
        exchange.reason.removeAll(keepingCapacity: true)
        exchange.reason.append("detection: ")
        exchange.reason.append(decision.reason.rawValue.utf8.span)
    }

    private static func refuse(_ exchange: Exchange, _ decision: Decision, status: Int = 403) -> RuleAction {
        tell(exchange, decision)
        exchange.decidingRule = nil
        exchange.outcome = .blocked
        if exchange.policy.detectionMimics {
            return .mimic(fallback: RuleAnswer(status: status, content: .page(html: nil, json: nil)))
        }
        return .block(status: status)
    }

    // MARK: The answer

    /// The answer's head is there. Where it alone tells the outcome, the attempt is settled before the client sees anything, and a success that
    /// belongs to an attack can still be held back.
    static func settleHead(_ exchange: Exchange, _ worker: Worker) -> RuleAction? {
        guard exchange.login.attempt != nil, !exchange.login.isSettled, let route = exchange.login.route
        else { return nil }
        if route.needsResponseBody || route.isLearnt {
            // Whether it succeeds is told when the head is out: the mark means nothing until then.
            DeviceMark.give(exchange, worker)
            return nil
        }
        var outcome = LoginOutcome.unknown
        if let index = exchange.login.declared.firstIndex(where: { $0.decides }) {
            outcome = exchange.login.declared[index].outcome
        } else {
            let answerBytes = exchange.responseSpan
            let reading = route.readOutcome(
                exchange.response, answerBytes, body: Span(), values: exchange.responseValues)
            if reading.kind != route.kind { return nil }
            outcome = reading.outcome
        }
        if outcome == .success { DeviceMark.give(exchange, worker) }
        let decision = settle(exchange, worker, outcome)
        if decision.isNoted { note(exchange, decision) }
        if decision.action != .withhold { return nil }
        exchange.login.deviceLine.removeAll(keepingCapacity: true)
        worker.counters.withheldLogins += 1
        return refuse(exchange, decision)
    }

    /// The exchange is over and its outcome known as well as it will be.
    static func settleEnd(_ exchange: Exchange, _ worker: Worker, _ outcome: LoginOutcome) {
        if exchange.login.attempt == nil || exchange.login.isSettled { return }
        let decision = settle(exchange, worker, outcome, isDelivered: true)
        if decision.isNoted { note(exchange, decision) }
    }

    private static func settle(
        _ exchange: Exchange, _ worker: Worker, _ outcome: LoginOutcome, isDelivered: Bool = false
    ) -> Decision {
        guard let attempt = exchange.login.attempt else { return .allow }
        exchange.login.isSettled = true
        // An error of the service is nobody's outcome.
        if outcome == .unknown || exchange.response.status >= 500 || exchange.response.status == 429 {
            worker.ledger.abandon(attempt, exchange.login.decision)
            return exchange.login.decision
        }
        exchange.login.decision = worker.ledger.settle(
            attempt, exchange.login.decision, succeeded: outcome == .success, isDelivered: isDelivered)
        return exchange.login.decision
    }

    /// On every path: whatever was charged and never settled is given back.
    static func end(_ exchange: Exchange, _ worker: Worker) {
        guard let attempt = exchange.login.attempt, !exchange.login.isSettled else { return }
        exchange.login.isSettled = true
        worker.ledger.abandon(attempt, exchange.login.decision)
    }

    // MARK: What an attempt is made of

    /// Most services take a name in any case.
    private static func normalised(_ name: [UInt8]) -> [UInt8] { name.map { ByteSearch.lowercased($0) } }

    /// A number under a key that is never written; the password itself goes nowhere.
    private static func password(_ exchange: Exchange, _ ledger: AttemptLedger) -> UInt64 {
        let values = exchange.bodyValues
        for entry in values.entries.prefix(64) where LoginFinder.isPassword(values.arena.span.slice(entry.name)) {
            let text = values.arena.span.slice(entry.value)
            return text.isEmpty ? 0 : ledger.hash.of(text)
        }
        return 0
    }
}
