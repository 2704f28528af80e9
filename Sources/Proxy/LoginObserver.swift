// SPDX-License-Identifier: Apache-2.0
import Logins
import Rules
import Transport
import Wire

/// What is seen of a login in one exchange. Part of it.
struct LoginObservation {
    /// nil: no login.
    var route: LoginRoute?
    /// Of a declared route, by which rules name it; else -1.
    var routeNumber = -1
    /// Nobody declared the route: it was found (`LoginDiscovery`).
    var isProvisional = false
    /// The head does not speak against a login; the body, if it is read, will tell.
    var mayBeLogin = false
    /// Of a provisional route: its name, and where the typed name stands.
    var routeName: [UInt8] = []
    var nameSource: [UInt8] = []
    /// What the application itself said in its answer.
    var declared: [DeclaredEvent] = []
    /// What the detection was told, what it said, and whether it knows the outcome.
    var attempt: Attempt?
    var decision = Decision.allow
    var isSettled = false
    /// It came with a device's mark that need not be renewed.
    var hasDevice = false
    /// The field line that gives the device its mark, or empty.
    var deviceLine: [UInt8] = []
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

    var isLogin: Bool { route != nil }

    mutating func reset() {
        // Nothing of it was filled in for a request that was no login.
        if route == nil && !mayBeLogin && userID.isEmpty && declared.isEmpty { return }
        route = nil
        routeNumber = -1
        isProvisional = false
        attempt = nil
        decision = .allow
        isSettled = false
        hasDevice = false
        deviceLine.removeAll(keepingCapacity: true)
        mayBeLogin = false
        routeName.removeAll(keepingCapacity: true)
        nameSource.removeAll(keepingCapacity: true)
        declared.removeAll(keepingCapacity: true)
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

/// Watches an exchange for a login: which route, whose name, what came of it. What is written of it stands in `LoginReport`.
enum LoginObserver {
    /// Finds the login route of a request, if it is one.
    static func recognise(_ exchange: Exchange, _ service: ServicePolicy) {
        let bytes = exchange.requestSpan
        let path = exchange.path
        for index in service.logins.indices
        where service.logins[index].matches(exchange.request, bytes, path: path.span) {
            exchange.login.route = service.logins[index]
            exchange.login.routeNumber = RuleCompiler.routeNumber(service: service.index, route: index)
            exchange.login.needsRequestBody = service.logins[index].needsRequestBody
            return
        }
        if service.discoversLogins { LoginDiscovery.lookAtHead(exchange) }
    }

    /// Takes the typed name out of the request, once. The body, if it is needed, has been read.
    static func observeRequest(_ exchange: Exchange) {
        let bytes = exchange.requestSpan
        settle(exchange)
        if !exchange.login.isLogin && exchange.login.mayBeLogin { LoginDiscovery.lookAtBody(exchange) }
        guard let route = exchange.login.route else { return }
        if !exchange.login.hasName {
            exchange.login.hasName = route.readName(
                exchange.request, bytes, query: exchange.queryValues, body: exchange.bodyValues,
                into: &exchange.login.name)
        }
        takeName(exchange)
    }

    /// The route whose conditions on query and body hold, now that both can be read; perhaps none.
    private static func settle(_ exchange: Exchange) {
        guard let first = exchange.login.route, first.hasContentConditions, let service = exchange.service else {
            return
        }
        // A body that could not be read proves nothing: whoever sends one does not get out of sight with it.
        let isUnread = exchange.bodyValues.entries.isEmpty && !exchange.requestFlow.hasEnded
        if isUnread || first.contentHolds(query: exchange.queryValues, body: exchange.bodyValues) { return }
        let bytes = exchange.requestSpan
        let path = exchange.path
        exchange.login.route = nil
        exchange.login.routeNumber = -1
        for index in service.logins.indices
        where service.logins[index].matches(exchange.request, bytes, path: path.span)
            && service.logins[index].contentHolds(query: exchange.queryValues, body: exchange.bodyValues)
        {
            exchange.login.route = service.logins[index]
            exchange.login.routeNumber = RuleCompiler.routeNumber(service: service.index, route: index)
            return
        }
    }

    private static func takeName(_ exchange: Exchange) {
        if exchange.login.name.count > LoginEvent.nameLimit {
            exchange.login.name.removeLast(exchange.login.name.count - LoginEvent.nameLimit)
            exchange.login.isCut = true
        }
        exchange.evaluation.hasLogin = exchange.login.hasName
        exchange.evaluation.login.removeAll(keepingCapacity: true)
        exchange.evaluation.login += exchange.login.name
    }

    /// The answer's head is there: `usr.id` if it tells it, what the application reports, and whether its body must be watched.
    static func observeResponseHead(_ exchange: Exchange, _ worker: Worker) {
        let answerBytes = exchange.responseSpan
        exchange.observesBody = exchange.policy.ruleset.needsResponseBody && !exchange.isAllowlisted
        readDeclared(exchange, worker)
        if let route = exchange.login.route {
            if route.needsResponseBody || SessionCheck.observesBody(exchange) || FailureCopy.observesBody(exchange) {
                exchange.observesBody = true
            }
            route.readUserID(
                exchange.response, answerBytes, values: exchange.responseValues, into: &exchange.login.userID)
        }
        exchange.evaluation.userID.removeAll(keepingCapacity: true)
        exchange.evaluation.userID += exchange.login.userID
    }

    /// What only the answer's body tells.
    static func observeResponseBody(_ exchange: Exchange) {
        guard let route = exchange.login.route else { return }
        let answerBytes = exchange.responseSpan
        if exchange.login.userID.isEmpty {
            route.readUserID(
                exchange.response, answerBytes, values: exchange.responseValues, into: &exchange.login.userID)
        }
        if !exchange.login.hasName {
            exchange.login.hasName = route.readName(answer: exchange.responseValues, into: &exchange.login.name)
            if exchange.login.hasName { takeName(exchange) }
        }
    }

    /// `X-Loginward-Event`: believed because it comes from the upstream, and taken out before the client sees the answer.
    private static func readDeclared(_ exchange: Exchange, _ worker: Worker) {
        let bytes = exchange.responseSpan
        for index in exchange.response.fields.indices
        where ReportField.isOne(exchange.response.fields[index], bytes) {
            let value = bytes.slice(exchange.response.fields[index].value)
            if !DeclaredEventReader.read(value, into: &exchange.login.declared) {
                worker.counters.unreadableReports += 1
            }
        }
        for event in exchange.login.declared where !event.userID.isEmpty && exchange.login.userID.isEmpty {
            exchange.login.userID += event.userID
        }
    }

    /// The fingerprints that are known when the head is there.
    static func printHead(_ exchange: Exchange) {
        let bytes = exchange.requestSpan
        if !exchange.evaluation.fingerprints.header.isEmpty { return }
        exchange.evaluation.fingerprints.header = Fingerprint.appendHeader(
            exchange.request, bytes, names: &exchange.names, to: &exchange.evaluation.fingerprints.bytes)
        exchange.evaluation.fingerprints.network = Fingerprint.appendNetwork(
            exchange.request, bytes, to: &exchange.evaluation.fingerprints.bytes)
        exchange.evaluation.fingerprints.client = ClientPrint.append(
            exchange.request, bytes, to: &exchange.evaluation.fingerprints.bytes)
        if !exchange.http2Print.isEmpty {
            exchange.evaluation.fingerprints.http2 = add(exchange.http2Print, exchange)
        }
        if let print = exchange.tlsPrint {
            exchange.evaluation.fingerprints.ja4 = add(print.ja4, exchange)
            exchange.evaluation.fingerprints.ja3 = add(print.ja3, exchange)
        }
    }

    private static func add(_ print: borrowing [UInt8], _ exchange: Exchange) -> ByteRange {
        let start = exchange.evaluation.fingerprints.bytes.count
        exchange.evaluation.fingerprints.bytes.append(print.span)
        return ByteRange(start, exchange.evaluation.fingerprints.bytes.count)
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
}

/// The field by which the application reports events. Stateless.
enum ReportField {
    private static let name = Array("x-loginward-event".utf8)

    static func isOne(_ field: HeadField, _ bytes: Span<UInt8>) -> Bool {
        if field.known != .other || field.name.count != name.count { return false }
        let name = name
        return ByteSearch.equalsIgnoringCase(bytes.slice(field.name), name.span)
    }
}
