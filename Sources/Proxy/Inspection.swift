// SPDX-License-Identifier: Apache-2.0
import Logins
import Rules
import Transport
import Wire

/// The checks on an exchange, in their order. The only file that knows the order; what each check does stands elsewhere.
enum Inspection {
    enum Decision {
        /// Nothing speaks against it.
        case pass
        /// The body must be read first.
        case gather
        case refuse(Refusal)
        case act(RuleAction)
    }

    // MARK: Request head

    static func inspectHead(_ exchange: Exchange, _ worker: Worker) -> Decision {
        let bytes = exchange.requestSpan
        let policy = exchange.policy
        // First of all: what the exchange before this one left must not be looked at.
        let ruleset = policy.ruleset
        exchange.evaluation.reset(for: ruleset)
        // 1. Who is asking.
        exchange.client = ClientAddress.find(
            peer: exchange.peer, exchange.request, bytes, policy.trust)
        // The handshake was with a proxy, which is the same for all of its clients.
        if exchange.tlsPrint != nil && exchange.client != exchange.peer { exchange.tlsPrint = nil }
        identify(exchange, policy, worker)
        RequestTarget.normalise(bytes.slice(exchange.request.path), into: &exchange.path)
        // 2. The allowlist wins over everything that follows.
        allow(ListLookup.head(of: exchange, in: .allow, policy, worker), exchange)
        if !exchange.isAllowlisted && RateCheck.refuses(exchange, policy, worker) {
            if !onlyNotes(exchange) { return .refuse(.tooManyRequests) }
            exchange.outcome = .monitored
        }
        // 3. Where to.
        guard let index = policy.router.service(for: bytes.slice(exchange.request.authority)) else {
            return .refuse(.noSuchService)
        }
        let service = policy.services[index]
        exchange.service = service
        LoginObserver.recognise(exchange, service)
        if !exchange.login.needsRequestBody { LoginObserver.observeRequest(exchange) }
        // 4. The denylist. 5. Rules on the head.
        var decision = Decision.pass
        if !exchange.isAllowlisted {
            let hit =
                ListLookup.head(of: exchange, in: .deny, policy, worker)
                ?? SessionCheck.denied(exchange, policy, worker)
            if let action = deny(hit, exchange, worker) {
                decision = .act(action)
            } else {
                if ruleset.needsFingerprints { LoginObserver.printHead(exchange) }
                let path = exchange.path
                let verdict = ruleset.inspectRequestHead(
                    exchange.request, bytes, path: path.span, facts: facts(exchange),
                    state: &exchange.evaluation, scratch: worker.scratch)
                if let action = apply(RateCheck.decide(verdict, exchange, worker), exchange, worker) {
                    decision = .act(action)
                }
            }
        }
        return continueWithBody(exchange, policy, after: decision, worker)
    }

    /// 6. Rules on the body and the login's name need the body. A request that is refused already is read on only for the name
    /// of a login, so that a blocked attempt says whose it was.
    private static func continueWithBody(
        _ exchange: Exchange, _ policy: Policy, after decision: Decision, _ worker: Worker
    ) -> Decision {
        let hasBody = !exchange.requestFlow.hasEnded
        switch decision {
        case .pass:
            let isAsked =
                policy.ruleset.needsRequestBody || ListLookup.needsRequestBody(policy, worker)
            let isLookedAt = exchange.login.mayBeLogin && exchange.service?.logins.isEmpty == true
            let wanted = isAsked && !exchange.isAllowlisted || exchange.login.needsRequestBody || isLookedAt
            if !wanted { return inspectName(exchange, policy, worker) }
            if !hasBody { return inspectBody(exchange, policy, worker) }
            if case .length(let count) = exchange.requestFraming, count > UInt64(policy.limits.inspectedBytes) {
                if policy.limits.refusesOverBody { return .refuse(.overBody) }
                worker.counters.uninspectedBodies += 1
                exchange.reason.append("over_body")
                if case .act(let action) = inspectName(exchange, policy, worker) { return .act(action) }
                // What they ask of the rest of the request is still to be answered.
                return exchange.isAllowlisted ? .pass : judgeBody(exchange, policy, worker)
            }
            return .gather
        case .act(let action) where exchange.login.needsRequestBody && hasBody && !exchange.expectsContinue:
            if case .length(let count) = exchange.requestFraming, count <= UInt64(policy.limits.inspectedBytes) {
                exchange.pendingAction = action
                return .gather
            }
            return decision
        case .act:
            if !hasBody {
                _ = BodyInspection.read(exchange, worker)
                LoginObserver.observeRequest(exchange)
            }
            return decision
        case .gather, .refuse: return decision
        }
    }

    /// What the lists say of the typed name, and of the body as far as it was read.
    static func inspectName(_ exchange: Exchange, _ worker: Worker) -> Decision {
        inspectName(exchange, exchange.policy, worker)
    }

    private static func inspectName(_ exchange: Exchange, _ policy: Policy, _ worker: Worker) -> Decision {
        if exchange.isAllowlisted { return .pass }
        // Without a name only a list that looks at the body can say anything.
        if !exchange.login.hasName && !ListLookup.needsRequestBody(policy, worker) { return .pass }
        allow(ListLookup.body(of: exchange, in: .allow, policy, worker), exchange)
        if exchange.isAllowlisted { return .pass }
        let action = deny(ListLookup.body(of: exchange, in: .deny, policy, worker), exchange, worker)
        if let action { return .act(action) }
        return AttemptCheck.arrive(exchange, worker).map { .act($0) } ?? .pass
    }

    // MARK: Request body

    static func inspectBody(_ exchange: Exchange, _ worker: Worker) -> Decision {
        inspectBody(exchange, exchange.policy, worker)
    }

    private static func inspectBody(_ exchange: Exchange, _ policy: Policy, _ worker: Worker) -> Decision {
        if let refusal = BodyInspection.read(exchange, worker) {
            // Looked at only for a login that nobody declared: then nothing is asked of the body.
            let isAsked =
                policy.ruleset.needsRequestBody || ListLookup.needsRequestBody(policy, worker)
                || exchange.login.needsRequestBody
            if exchange.pendingAction == nil && policy.limits.refusesOverBody && !exchange.isAllowlisted && isAsked {
                return .refuse(refusal)
            }
            worker.counters.uninspectedBodies += 1
            exchange.reason.append(refusal.reason)
        }
        LoginObserver.observeRequest(exchange)
        if let action = exchange.pendingAction { return .act(action) }
        if case .act(let action) = inspectName(exchange, policy, worker) { return .act(action) }
        if exchange.isAllowlisted { return .pass }
        return judgeBody(exchange, policy, worker)
    }

    private static func judgeBody(_ exchange: Exchange, _ policy: Policy, _ worker: Worker) -> Decision {
        if policy.ruleset.needsFingerprints { LoginObserver.printBody(exchange) }
        let raw = BodyInspection.isDecoded(exchange) ? exchange.decodedBody : exchange.body
        let verdict = policy.ruleset.inspectRequestBody(
            exchange.bodyValues, raw: raw.span,
            facts: facts(exchange), state: &exchange.evaluation, scratch: worker.scratch)
        if let action = apply(RateCheck.decide(verdict, exchange, worker), exchange, worker) { return .act(action) }
        return .pass
    }

    // MARK: Response

    /// Rules on the answer's status and fields. nil: it may go to the client.
    static func inspectResponse(_ exchange: Exchange, _ worker: Worker) -> RuleAction? {
        let answerBytes = exchange.responseSpan
        LoginObserver.observeResponseHead(exchange, worker)
        let policy = exchange.policy
        if policy.ruleset.needsSessionFingerprint { LoginObserver.printSession(exchange) }
        if !exchange.isAllowlisted {
            allow(ListLookup.answer(to: exchange, in: .allow, policy, worker), exchange)
        }
        if exchange.isAllowlisted { return nil }
        if let action = deny(ListLookup.answer(to: exchange, in: .deny, policy, worker), exchange, worker) {
            return action
        }
        if policy.ruleset.inspectsResponses {
            let verdict = policy.ruleset.inspectResponseHead(
                exchange.response, answerBytes, facts: facts(exchange), state: &exchange.evaluation,
                scratch: worker.scratch)
            if let action = apply(RateCheck.decide(verdict, exchange, worker), exchange, worker) { return action }
        }
        return AttemptCheck.settleHead(exchange, worker)
    }

    /// Rules on the answer's body, which is out already: they only note. Also makes the body readable for the outcome tests.
    static func inspectResponseBody(_ exchange: Exchange, _ worker: Worker) {
        if !exchange.observesBody { return }
        ResponseReading.read(exchange, worker)
        LoginObserver.observeResponseBody(exchange)
        if exchange.isAllowlisted || !exchange.policy.ruleset.needsResponseBody { return }
        let raw = exchange.observedBody
        let verdict = exchange.policy.ruleset.inspectResponseBody(
            exchange.responseValues, raw: raw.span, facts: facts(exchange), state: &exchange.evaluation,
            scratch: worker.scratch)
        _ = apply(RateCheck.decide(verdict, exchange, worker), exchange, worker)
    }

    // MARK: Verdicts

    /// An allowlist entry was found, or not. Who is only monitored is judged as everybody and never refused.
    private static func allow(_ hit: ListHit?, _ exchange: Exchange) {
        guard let hit else { return }
        if hit.isMonitored { exchange.isMonitored = true } else { exchange.isAllowlisted = true }
    }

    /// Verdicts are noted and not carried out.
    private static func onlyNotes(_ exchange: Exchange) -> Bool {
        exchange.policy.monitorsOnly || exchange.isMonitored
    }

    /// What a denylist entry that was found asks for; in monitor mode a note.
    private static func deny(_ hit: ListHit?, _ exchange: Exchange, _ worker: Worker) -> RuleAction? {
        guard let hit else { return nil }
        worker.counters.denylistHits += 1
        exchange.reason.removeAll(keepingCapacity: true)
        exchange.reason.append("denylist")
        let start = exchange.reason.count
        exchange.reason.append(": ")
        ListLookup.appendReason(of: hit, in: .deny, of: exchange, worker)
        if exchange.reason.count == start + 2 { exchange.reason.removeLast(2) }
        if onlyNotes(exchange) || hit.isMonitored {
            exchange.outcome = .monitored
            return nil
        }
        // The list decided, whatever rule only noted or delayed before.
        exchange.decidingRule = nil
        exchange.outcome = .blocked
        return .block(status: 403)
    }

    /// Turns a verdict into what is to be done; in monitor mode into a note.
    private static func apply(_ verdict: Verdict, _ exchange: Exchange, _ worker: Worker) -> RuleAction? {
        if exchange.countedMatches == exchange.evaluation.matches.count, case .allow = verdict { return nil }
        let ruleset = exchange.policy.ruleset
        while exchange.countedMatches < exchange.evaluation.matches.count {
            let rule = Int(exchange.evaluation.matches[exchange.countedMatches])
            worker.counters.countRule(slot: exchange.policy.ruleSlots[rule])
            exchange.countedMatches += 1
            let matched = ruleset.rule(at: rule)
            if exchange.outcome == .allowed && !matched.isFlag && !matched.isSilent { exchange.outcome = .monitored }
            if exchange.decidingRule == nil { exchange.decidingRule = rule }
            if !onlyNotes(exchange) { appendFlag(ruleset.rule(at: rule), exchange) }
        }
        guard case .act(let index) = verdict else { return nil }
        exchange.decidingRule = index
        if onlyNotes(exchange) { return nil }
        let action = ruleset.rule(at: index).action
        switch action {
        case .flag: return nil
        case .delay(let time):
            exchange.outcome = .allowed
            exchange.delay = max(exchange.delay ?? .zero, time)
            return nil
        case .block, .redirect, .respond, .mimic, .close:
            exchange.outcome = .blocked
            exchange.answerWait = ruleset.rule(at: index).wait
        }
        return action
    }

    private static func appendFlag(_ rule: CompiledRule, _ exchange: Exchange) {
        guard rule.isEnforced, case .flag(let header, let value) = rule.action else { return }
        exchange.flagLines.append(header.span)
        exchange.flagLines.append(": ")
        exchange.flagLines.append(value.span)
        exchange.flagLines.append("\r\n")
    }

    // MARK: Facts

    static func facts(_ exchange: Exchange) -> ExchangeFacts {
        var facts = ExchangeFacts(
            client: exchange.client, peer: exchange.peer, isSecure: exchange.isSecure,
            service: exchange.service?.index ?? -1,
            unixSeconds: exchange.startedUnixNanoseconds / 1_000_000_000)
        facts.route = exchange.login.routeNumber
        return facts
    }

    /// Keeps the request id of a trusted peer, or makes one. Only characters that need no escaping anywhere are taken over.
    private static func identify(_ exchange: Exchange, _ policy: Policy, _ worker: Worker) {
        let bytes = exchange.requestSpan
        if policy.requestID.believes(trustedPeer: policy.trust.trusted.contains(exchange.peer)) {
            let header = policy.requestID.header
            let name = header.span
            if let index = exchange.request.first(named: name, in: bytes) {
                let value = bytes.slice(exchange.request.fields[index].value)
                if isPlain(value) {
                    exchange.requestID.append(value)
                    return
                }
            }
        }
        worker.appendIdentifier(to: &exchange.requestID)
    }

    private static func isPlain(_ text: Span<UInt8>) -> Bool {
        if text.isEmpty || text.count > 128 { return false }
        for index in text.indices {
            switch text[index] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: ":"), UInt8(ascii: "="), UInt8(ascii: "/"), UInt8(ascii: "+"), UInt8(ascii: "@"):
                continue
            default: return false
            }
        }
        return true
    }
}
