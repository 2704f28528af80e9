// SPDX-License-Identifier: Apache-2.0
import Logins
import Rules
import Wire

/// Writes what an exchange was for its account: the one event of an attempt, and what else the application reported. Called when it ends, on
/// every path.
enum LoginReport {
    static func emit(_ exchange: Exchange, _ worker: Worker, microseconds: UInt64) {
        guard let service = exchange.service else { return }
        // A password for a path that is not there is nobody's login: an attacker shall not fill the log by it.
        if exchange.login.isProvisional && exchange.outcome != .blocked
            && (exchange.status == 404 || exchange.status == 405) && exchange.login.declared.isEmpty
        {
            return
        }
        LoginObserver.printHead(exchange)
        LoginObserver.printBody(exchange)
        // Once more: the answer's body may have told the user's id.
        LoginObserver.printSession(exchange)
        capture(exchange, worker)
        var event = LoginEvent(capacity: 0)
        fill(&event, exchange, worker, service, microseconds)
        var declared = exchange.login.declared
        if exchange.login.isLogin {
            readOutcome(exchange, worker, service, &event)
            // The application knows better than any test. One exchange has one outcome: the first that it says.
            if let index = declared.firstIndex(where: { $0.decides }) {
                apply(declared[index], to: &event)
                declared.removeAll { $0.decides }
            }
            if (event.kind == .login || exchange.login.attempt?.isReconnoitring == true) && exchange.hasResponseHead {
                AttemptCheck.settleEnd(exchange, worker, event.outcome)
            }
            if event.kind == .login && event.outcome == .failure { FailureCopy.learn(exchange, worker) }
            SessionCheck.remember(exchange, worker, event.kind, event.outcome)
            if event.kind == .login && event.outcome == .success { RateCheck.refund(exchange) }
            tell(exchange, worker, &event)
            send(&event, service, worker)
        } else if let index = declared.firstIndex(where: { $0.decides }) {
            var own = event
            apply(declared[index], to: &own)
            declared.removeAll { $0.decides }
            send(&own, service, worker)
        }
        for report in declared {
            var own = event
            own.tags.removeAll()
            own.shape = nil
            apply(report, to: &own)
            send(&own, service, worker)
        }
    }

    /// The number by which signals name this attempt, and the signal that it belongs to.
    private static func tell(_ exchange: Exchange, _ worker: Worker, _ event: inout LoginEvent) {
        guard let attempt = exchange.login.attempt else { return }
        worker.line.removeAll(keepingCapacity: true)
        worker.line.append(decimal: attempt.number)
        let number = worker.line
        event.addTag("attempt".utf8.span, number.span)
        if exchange.login.decision.signal == 0 { return }
        worker.line.removeAll(keepingCapacity: true)
        worker.line.append(decimal: UInt64(exchange.login.decision.signal))
        let signal = worker.line
        event.addTag("signal".utf8.span, signal.span)
    }

    private static func send(_ event: inout LoginEvent, _ service: ServicePolicy, _ worker: Worker) {
        worker.line.removeAll(keepingCapacity: true)
        worker.appendIdentifier(to: &worker.line)
        event.texts.id = event.add(worker.line)
        if event.isAttempt || event.kind == .mfa {
            worker.counters.countLogin(slot: service.slot, outcome: event.isBlocked ? 3 : Int(event.outcome.rawValue))
        } else {
            worker.counters.accountEvents += 1
        }
        if !worker.events.append(event) { worker.counters.eventsDropped += 1 }
    }

    // MARK: Outcome

    private static func readOutcome(
        _ exchange: Exchange, _ worker: Worker, _ service: ServicePolicy, _ event: inout LoginEvent
    ) {
        guard let route = exchange.login.route else { return }
        let answerBytes = exchange.responseSpan
        let observed = exchange.observedBody
        let path = exchange.path
        event.kind = route.kind
        if !exchange.hasResponseHead {
            if event.isBlocked { event.outcome = .failure }
            return
        }
        let reading = route.readOutcome(
            exchange.response, answerBytes, body: observed.span, values: exchange.responseValues)
        event.kind = reading.kind
        event.outcome = reading.outcome
        event.exists = reading.exists
        if !route.isLearnt || event.kind != .login { return }
        let bytes = exchange.requestSpan
        let shape = AnswerReader.shape(
            of: exchange.response, answerBytes, body: observed.span, values: exchange.responseValues,
            to: exchange.request, bytes, path: path.span)
        event.shape = shape
        let (holder, name) = (service.name, exchange.login.isProvisional ? exchange.login.routeName : route.name)
        let learnt = worker.learnt.read(shape, service: holder.span, route: name.span)
        // A declared route keeps the plain rule of the status as long as nothing better is known. A found one has nobody's word.
        if !exchange.login.isProvisional && (learnt.outcome == .unknown || learnt.outcome == event.outcome) { return }
        event.outcome = learnt.outcome
        if learnt.outcome == .success {
            event.exists = true
        } else if reading.outcome == .success {
            event.exists = nil
        }
        if learnt.outcome == .unknown { return }
        worker.line.removeAll(keepingCapacity: true)
        worker.line.append("0.")
        worker.line.append(decimal: UInt64(min(99, learnt.confidence * 100)))
        let text = worker.line
        event.addTag("outcome_confidence".utf8.span, text.span)
    }

    private static func apply(_ report: DeclaredEvent, to event: inout LoginEvent) {
        event.kind = report.kind
        event.outcome = report.outcome
        event.exists = report.exists ?? (report.decides && report.outcome == .success ? true : nil)
        event.texts.customName = event.add(report.name)
        if let login = report.login {
            event.hasLogin = true
            event.texts.login = event.add(login)
        }
        event.texts.userID = event.add(
            report.userID.isEmpty ? Array(event.bytes[event.texts.userID.bounds]) : report.userID)
        for tag in report.tags { event.addTag(tag.name.span, tag.value.span) }
    }

    // MARK: The rest of the event

    private static func fill(
        _ event: inout LoginEvent, _ exchange: Exchange, _ worker: Worker, _ service: ServicePolicy,
        _ microseconds: UInt64
    ) {
        event.unixNanoseconds = exchange.startedUnixNanoseconds
        event.durationMicroseconds = microseconds
        event.client = exchange.client
        event.peer = exchange.peer
        event.version = exchange.request.version
        event.status = exchange.status
        event.action = action(exchange)
        event.hasLogin = exchange.login.hasName
        event.isProvisional = exchange.login.isProvisional
        event.facts = facts(exchange)
        worker.eventTexts.removeAll()
        addTexts(exchange, service, worker, to: &event)
        // Room for the event's id and a tag, so that one piece of memory is enough.
        event.bytes.reserveCapacity(worker.eventTexts.count + 64)
        event.bytes.append(worker.eventTexts)
    }

    private static func facts(_ exchange: Exchange) -> EventFacts {
        var facts: EventFacts = []
        if exchange.request.contains(.userAgent) { facts.insert(.hasUserAgent) }
        if exchange.request.contains(.acceptEncoding) { facts.insert(.hasAcceptEncoding) }
        if exchange.request.contains(.acceptLanguage) { facts.insert(.hasAcceptLanguage) }
        if exchange.request.contains(.xForwardedFor) || exchange.request.contains(.forwarded)
            || exchange.request.contains(.xRealIP)
        {
            facts.insert(.hasForwarding)
        }
        if exchange.policy.trust.trusted.contains(exchange.peer) { facts.insert(.peerIsTrusted) }
        return facts
    }

    private static func action(_ exchange: Exchange) -> LoginEvent.Action {
        switch exchange.outcome {
        case .allowed: .allow
        case .blocked: .block
        case .monitored: .monitor
        case .refused: .refuse
        case .failed: .fail
        }
    }

    /// Takes a text over and returns where it will stand. The texts gather in memory of the worker and go to the event in one piece.
    private static func put(_ text: Span<UInt8>, _ worker: Worker) -> ByteRange {
        let start = worker.eventTexts.count
        worker.eventTexts.append(text)
        return ByteRange(start, worker.eventTexts.count)
    }

    private static func put(_ text: borrowing [UInt8], _ worker: Worker) -> ByteRange { put(text.span, worker) }

    private static func addTexts(
        _ exchange: Exchange, _ service: ServicePolicy, _ worker: Worker, to event: inout LoginEvent
    ) {
        let bytes = exchange.requestSpan
        event.texts.service = put(service.name, worker)
        if exchange.login.isProvisional {
            event.texts.route = put(exchange.login.routeName, worker)
            event.texts.nameSource = put(exchange.login.nameSource, worker)
        } else if let route = exchange.login.route {
            event.texts.route = put(route.name, worker)
        }
        event.texts.login = put(exchange.login.name, worker)
        event.texts.userID = put(exchange.login.userID, worker)
        event.texts.method = put(bytes.slice(exchange.request.methodRange), worker)
        event.texts.path = put(exchange.path, worker)
        event.texts.host = put(bytes.slice(exchange.request.authority), worker)
        if let index = exchange.request.first(.userAgent) {
            event.texts.userAgent = put(bytes.slice(exchange.request.fields[index].value), worker)
        }
        let start = worker.eventTexts.count
        for index in exchange.request.fields.indices {
            worker.eventTexts.append(bytes.slice(exchange.request.fields[index].name))
            worker.eventTexts.append(10)
        }
        event.texts.headerNames = ByteRange(start, max(start, worker.eventTexts.count - 1))
        let prints = exchange.evaluation.fingerprints
        event.texts.fingerprintHTTP = put(prints.bytes.span.slice(prints.http), worker)
        event.texts.fingerprintHeader = put(prints.bytes.span.slice(prints.header), worker)
        event.texts.fingerprintNetwork = put(prints.bytes.span.slice(prints.network), worker)
        event.texts.fingerprintHTTP2 = put(prints.bytes.span.slice(prints.http2), worker)
        event.texts.fingerprintSession = put(prints.bytes.span.slice(prints.session), worker)
        event.texts.fingerprintClient = put(prints.bytes.span.slice(prints.client), worker)
        event.texts.fingerprintJA4 = put(prints.bytes.span.slice(prints.ja4), worker)
        event.texts.fingerprintJA3 = put(prints.bytes.span.slice(prints.ja3), worker)
        if let rule = exchange.decidingRule {
            event.texts.rule = put(exchange.policy.ruleset.rule(at: rule).id, worker)
        }
        event.texts.reason = put(exchange.reason, worker)
        event.texts.requestID = put(exchange.requestID, worker)
        event.texts.tlsVersion = put(exchange.login.tlsVersion, worker)
        event.texts.tlsCipher = put(exchange.login.tlsCipher, worker)
        event.texts.tlsServerName = put(exchange.login.tlsServerName, worker)
        addTags(exchange, worker, to: &event)
    }

    private static func capture(_ exchange: Exchange, _ worker: Worker) {
        let ruleset = exchange.policy.ruleset
        if exchange.evaluation.matches.isEmpty || !ruleset.hasCaptures { return }
        let bytes = exchange.requestSpan
        let path = exchange.path
        ruleset.captureRequestHead(
            exchange.request, bytes, path: path.span, facts: Inspection.facts(exchange),
            state: &exchange.evaluation, scratch: worker.scratch)
        let raw = BodyInspection.isDecoded(exchange) ? exchange.decodedBody : exchange.body
        ruleset.captureRequestBody(exchange.bodyValues, raw: raw.span, state: &exchange.evaluation)
        if !exchange.hasResponseHead { return }
        exchange.evaluation.userID = exchange.login.userID
        let answerBytes = exchange.responseSpan
        let observed = exchange.observedBody
        ruleset.captureResponseHead(
            exchange.response, answerBytes, state: &exchange.evaluation, scratch: worker.scratch)
        ruleset.captureResponseBody(exchange.responseValues, raw: observed.span, state: &exchange.evaluation)
    }

    private static func addTags(_ exchange: Exchange, _ worker: Worker, to event: inout LoginEvent) {
        let captures = exchange.evaluation.captures
        for entry in captures.entries {
            event.tags.append(
                (
                    put(captures.arena.span.slice(entry.name), worker),
                    put(captures.arena.span.slice(entry.value), worker)
                ))
        }
        if let rule = exchange.decidingRule {
            event.tags.reserveCapacity(event.tags.count + exchange.policy.ruleset.rule(at: rule).tags.count)
            for tag in exchange.policy.ruleset.rule(at: rule).tags {
                event.tags.append((put(tag.name, worker), put(tag.value, worker)))
            }
        }
        if exchange.login.isProvisional {
            event.tags.append((put("provisional".utf8.span, worker), put("true".utf8.span, worker)))
        }
        if exchange.login.isCut {
            event.tags.append((put("usr.login_cut".utf8.span, worker), put("true".utf8.span, worker)))
        }
    }
}
