// SPDX-License-Identifier: Apache-2.0
import Logins
import Rules
import Wire

/// What is seen of a login in one exchange. Part of it.
struct LoginObservation {
    /// Position in the service's login routes, -1: no login.
    var route = -1
    var needsRequestBody = false
    var name: [UInt8] = []
    var hasName = false
    var isCut = false
    var userID: [UInt8] = []
    /// "TLSv1.3"; empty on a plain connection, as the two that follow.
    var tlsVersion: [UInt8] = []
    var tlsCipher: [UInt8] = []
    /// The name that the client asked for; empty when it asked for none.
    var tlsServerName: [UInt8] = []

    var isLogin: Bool { route >= 0 }

    mutating func reset() {
        // Nothing of it was filled in for a request that was no login.
        if route < 0 && userID.isEmpty { return }
        route = -1
        needsRequestBody = false
        name.removeAll(keepingCapacity: true)
        hasName = false
        isCut = false
        userID.removeAll(keepingCapacity: true)
        tlsVersion.removeAll(keepingCapacity: true)
        tlsCipher.removeAll(keepingCapacity: true)
        tlsServerName.removeAll(keepingCapacity: true)
    }
}

/// Watches an exchange for a login: which route, whose name, what came of it. One exchange gives one event.
enum LoginObserver {
    /// Finds the login route of a request, if it is one.
    static func recognise(_ exchange: Exchange, _ service: ServicePolicy) {
        let bytes = exchange.requestSpan
        let path = exchange.path
        for index in service.logins.indices
        where service.logins[index].matches(
            method: bytes.slice(exchange.request.methodRange), path: path.span)
        {
            exchange.login.route = index
            exchange.login.needsRequestBody = service.logins[index].needsRequestBody
            return
        }
    }

    /// Takes the typed name out of the request, once. The body, if it is needed, has been read.
    static func observeRequest(_ exchange: Exchange) {
        let bytes = exchange.requestSpan
        guard exchange.login.isLogin, !exchange.login.hasName, let service = exchange.service else { return }
        exchange.login.hasName = service.logins[exchange.login.route].readName(
            exchange.request, bytes, query: exchange.queryValues, body: exchange.bodyValues,
            into: &exchange.login.name)
        if exchange.login.name.count > LoginEvent.nameLimit {
            exchange.login.name.removeLast(exchange.login.name.count - LoginEvent.nameLimit)
            exchange.login.isCut = true
        }
        exchange.evaluation.hasLogin = exchange.login.hasName
        exchange.evaluation.login.removeAll(keepingCapacity: true)
        exchange.evaluation.login += exchange.login.name
    }

    /// The answer's head is there: `usr.id` if it tells it, and whether its body must be watched.
    static func observeResponseHead(_ exchange: Exchange) {
        let answerBytes = exchange.responseSpan
        exchange.observesBody = exchange.policy.ruleset.needsResponseBody && !exchange.isAllowlisted
        guard exchange.login.isLogin, let service = exchange.service else { return }
        if service.logins[exchange.login.route].needsResponseBody { exchange.observesBody = true }
        service.logins[exchange.login.route].readUserID(
            exchange.response, answerBytes, values: exchange.responseValues, into: &exchange.login.userID)
        exchange.evaluation.userID.removeAll(keepingCapacity: true)
        exchange.evaluation.userID += exchange.login.userID
    }

    /// The fingerprints that are known when the head is there.
    static func printHead(_ exchange: Exchange) {
        let bytes = exchange.requestSpan
        if !exchange.evaluation.fingerprints.header.isEmpty { return }
        exchange.evaluation.fingerprints.header = Fingerprint.appendHeader(
            exchange.request, bytes, names: &exchange.names, to: &exchange.evaluation.fingerprints.bytes)
        exchange.evaluation.fingerprints.network = Fingerprint.appendNetwork(
            exchange.request, bytes, to: &exchange.evaluation.fingerprints.bytes)
    }

    /// The fingerprint that needs the body's names.
    static func printBody(_ exchange: Exchange) {
        let bytes = exchange.requestSpan
        if !exchange.evaluation.fingerprints.http.isEmpty { return }
        exchange.evaluation.fingerprints.http = Fingerprint.appendHTTP(
            exchange.request, bytes, query: exchange.queryValues, body: exchange.bodyValues,
            names: &exchange.names, to: &exchange.evaluation.fingerprints.bytes)
    }

    /// The fingerprint that needs the user whom the answer names.
    static func printSession(_ exchange: Exchange) {
        let bytes = exchange.requestSpan
        let userID = exchange.login.userID
        exchange.evaluation.fingerprints.session = Fingerprint.appendSession(
            exchange.request, bytes, userID: userID.span, names: &exchange.names,
            to: &exchange.evaluation.fingerprints.bytes)
    }

    // MARK: The event

    /// Writes the one event of this exchange. Called when it ends, on every path.
    static func emit(_ exchange: Exchange, _ worker: Worker, microseconds: UInt64) {
        let answerBytes = exchange.responseSpan
        guard let service = exchange.service else { return }
        printHead(exchange)
        printBody(exchange)
        // Once more: the answer's body may have told the user's id.
        printSession(exchange)
        capture(exchange, worker)
        let observed = exchange.observedBody
        var event = LoginEvent(capacity: 0)
        worker.eventTexts.removeAll()
        event.unixNanoseconds = exchange.startedUnixNanoseconds
        event.durationMicroseconds = microseconds
        event.client = exchange.client
        event.peer = exchange.peer
        event.version = exchange.request.version
        event.status = exchange.status
        event.action = action(exchange)
        event.hasLogin = exchange.login.hasName
        if exchange.hasResponseHead {
            let read = service.logins[exchange.login.route].readOutcome(
                exchange.response, answerBytes, body: observed.span, values: exchange.responseValues)
            event.outcome = read.outcome
            event.exists = read.exists
        } else if event.isBlocked {
            event.outcome = .failure
        }
        worker.line.removeAll(keepingCapacity: true)
        worker.appendIdentifier(to: &worker.line)
        event.texts.id = put(worker.line, worker)
        addTexts(exchange, service, worker, to: &event)
        event.bytes.append(worker.eventTexts)
        let slot = event.isBlocked ? 3 : Int(event.outcome.rawValue)
        worker.counters.countLogin(slot: service.slot, outcome: slot)
        if !worker.events.append(event) { worker.counters.eventsDropped += 1 }
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
        event.texts.route = put(service.logins[exchange.login.route].name, worker)
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
        event.texts.fingerprintSession = put(prints.bytes.span.slice(prints.session), worker)
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
        if exchange.evaluation.matches.isEmpty { return }
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
            for tag in exchange.policy.ruleset.rule(at: rule).tags {
                event.tags.append((put(Array(tag.0.utf8), worker), put(Array(tag.1.utf8), worker)))
            }
        }
        if exchange.login.isCut {
            event.tags.append((put("usr.login_cut".utf8.span, worker), put("true".utf8.span, worker)))
        }
    }
}
