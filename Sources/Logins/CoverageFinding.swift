// SPDX-License-Identifier: Apache-2.0
import Wire

/// One thing that is wrong with how logins are seen: what, how one can tell, and the change that mends it. A value.
public struct CoverageFinding: Equatable, Sendable {
    public enum Code: String, CaseIterable, Sendable {
        case noEvents = "no_events"
        case unconfiguredRoute = "unconfigured_route"
        case discoveryFull = "discovery_full"
        case outcomeMissing = "outcome_missing"
        case outcomeUnknown = "outcome_unknown"
        case loginMissing = "usr_login_missing"
        case existsMissing = "usr_exists_missing"
        case idMissing = "usr_id_missing"
        case untrustedProxy = "untrusted_proxy"
        case silentProxy = "silent_proxy"
        case privateClients = "private_clients"
        case concentratedClients = "concentrated_clients"
        case forgedForwarding = "forged_forwarding"
        case libraryAgents = "library_user_agents"
        case noUserAgent = "no_user_agent"
        case noAcceptEncoding = "no_accept_encoding"
        case noAcceptLanguage = "no_accept_language"
    }

    public var code: Code
    public var service: String
    /// Empty: the whole service.
    public var route: String
    public var what: String
    public var evidence: String
    public var change: String

    public init(code: Code, service: String, route: String, what: String, evidence: String, change: String) {
        self.code = code
        self.service = service
        self.route = route
        self.what = what
        self.evidence = evidence
        self.change = change
    }
}

/// Judges a route's counts. Stateless.
public enum CoverageJudge {
    /// Fewer events say nothing.
    public static let enough: UInt64 = 20

    public static func findings(of route: RouteWatch) -> [CoverageFinding] {
        let counts = route.counts
        var out: [CoverageFinding] = []
        func add(_ code: CoverageFinding.Code, _ what: String, _ evidence: String, _ change: String) {
            out.append(
                CoverageFinding(
                    code: code, service: route.service, route: route.route, what: what, evidence: evidence,
                    change: change))
        }
        if route.isProvisional {
            add(
                .unconfiguredRoute, "a route looks like a login and no configuration names it",
                "\(counts.events) requests with a password for \(route.route)",
                "under services, \(route.service), logins:\n" + RouteAdvice.yaml(for: route))
        }
        if let alarm = route.drift.alarm {
            let word = alarm.missing == .failure ? "failure" : "success"
            add(
                .outcomeMissing,
                "no \(word) seen on \"\(route.route)\" since \(RouteAdvice.time(alarm.since)), \(alarm.expected) expected",
                "\(alarm.attempts) attempts since then",
                "a release of the application may have changed its answers: look at one and mend success and failure of this route"
            )
        }
        out += metadata(route, counts)
        out += addresses(route, counts)
        out += headers(route, counts)
        return out
    }

    // MARK: What events must carry

    private static func metadata(_ route: RouteWatch, _ counts: CoverageCounts) -> [CoverageFinding] {
        var out: [CoverageFinding] = []
        func check(
            _ code: CoverageFinding.Code, _ have: UInt64, of all: UInt64, atLeast share: Double, _ what: String,
            _ change: String
        ) {
            if all < enough || Double(have) >= share * Double(all) { return }
            out.append(
                CoverageFinding(
                    code: code, service: route.service, route: route.route, what: what,
                    evidence: "\(have) of \(all) (\(percent(have, all)))", change: change))
        }
        let place = "in the route \"\(route.route)\": "
        check(
            .loginMissing, counts.withLogin, of: counts.events, atLeast: 0.95, "events without usr.login",
            place
                + "user: { login: … } must name the field that holds the name (body.NAME, query.NAME, header.NAME, basic)"
        )
        check(
            .existsMissing, counts.failuresWithExists, of: counts.failures, atLeast: 0.5, "failures without usr.exists",
            place
                + "exists: { false_when: { body_contains: \"the text for an unknown name\" } }, or let the application send X-Loginward-Event with usr.exists"
        )
        check(
            .idMissing, counts.successesWithID, of: counts.successes, atLeast: 0.5, "successes without usr.id",
            place
                + "user_id: response.header.NAME (or response.body.PATH, response.jwt.PATH.CLAIM), or let the application send X-Loginward-Event with usr.id"
        )
        check(
            .outcomeUnknown, counts.attempts - counts.unknowns, of: counts.attempts, atLeast: 0.9,
            "attempts whose outcome is unclear",
            place + "declare success and failure so that every answer is one of them (a preset may know the product)")
        return out
    }

    // MARK: Whom events name

    private static func addresses(_ route: RouteWatch, _ counts: CoverageCounts) -> [CoverageFinding] {
        if counts.events < enough { return [] }
        var out: [CoverageFinding] = []
        func add(_ code: CoverageFinding.Code, _ what: String, _ evidence: String, _ change: String) {
            out.append(
                CoverageFinding(
                    code: code, service: route.service, route: route.route, what: what, evidence: evidence,
                    change: change))
        }
        let forwarded = Double(counts.untrustedForwarding) / Double(counts.events)
        // One peer that forwards most of the logins is a proxy; many that forward some are clients that pretend.
        if forwarded >= 0.5, let top = counts.forwarders.top, top.share >= 0.3 {
            add(
                .untrustedProxy, "a proxy in front is not trusted, so every client has its address",
                "\(top.address) sent \(Int(top.share * 100)) % of the \(counts.untrustedForwarding) logins with a forwarding header",
                "client_address: { trusted_proxies: [\(top.address)] }")
        } else if counts.untrustedForwarding > 0 {
            add(
                .forgedForwarding, "clients send forwarding headers of their own; they are not believed",
                "\(counts.untrustedForwarding) of \(counts.events) logins",
                "nothing, when these are attackers; if one of them is a proxy of yours\(counts.forwarders.top.map { " (most came from \($0.address))" } ?? ""), add it to client_address.trusted_proxies"
            )
        }
        let isCovered = out.contains { $0.code == .untrustedProxy }
        if Double(counts.silentProxies) >= 0.5 * Double(counts.events), let top = counts.peers.top {
            add(
                .silentProxy, "a trusted proxy does not say whom it speaks for",
                "\(counts.silentProxies) of \(counts.events) logins have the proxy's own address; most came from \(top.address)",
                "let \(top.address) send X-Forwarded-For, or name the header that it sends: client_address: { headers: [NAME] }"
            )
        } else if !isCovered, Double(counts.privateClients) >= 0.5 * Double(counts.events), let top = counts.clients.top
        {
            add(
                .privateClients, "clients have private or loopback addresses",
                "\(counts.privateClients) of \(counts.events) (\(percent(counts.privateClients, counts.events))); most came from \(top.address)",
                "if \(top.address) is a proxy, let it send X-Forwarded-For and set client_address: { trusted_proxies: [\(top.address)] }"
            )
        } else if !isCovered, counts.events >= 100, let top = counts.clients.top, top.share >= 0.3 {
            add(
                .concentratedClients, "few addresses make most of the logins",
                "\(top.address) made \(Int(top.share * 100)) % of \(counts.events)",
                "if \(top.address) is a proxy of yours: client_address: { trusted_proxies: [\(top.address)] }; if not, it is one client that tries much"
            )
        }
        return out
    }

    // MARK: What clients send

    private static func headers(_ route: RouteWatch, _ counts: CoverageCounts) -> [CoverageFinding] {
        if counts.events < enough { return [] }
        let rows: [(CoverageFinding.Code, UInt64, String, String)] = [
            (
                .libraryAgents, counts.libraryAgents, "user agents of HTTP libraries",
                "a service in between should pass the user's User-Agent on; if these are scripts, the rules of config/rules name them"
            ),
            (.noUserAgent, counts.withoutUserAgent, "requests without User-Agent", "user-agent"),
            (.noAcceptEncoding, counts.withoutAcceptEncoding, "requests without Accept-Encoding", "accept-encoding"),
            (.noAcceptLanguage, counts.withoutAcceptLanguage, "requests without Accept-Language", "accept-language"),
        ]
        return rows.compactMap { code, count, what, change in
            if Double(count) < 0.2 * Double(counts.events) { return nil }
            let isHeader = code != .libraryAgents
            return CoverageFinding(
                code: code, service: route.service, route: route.route, what: what,
                evidence: "\(count) of \(counts.events) (\(percent(count, counts.events)))",
                change: isHeader
                    ? "a proxy or service in front that drops \(change) must pass it on; fingerprints need it" : change)
        }
    }

    static func percent(_ part: UInt64, _ all: UInt64) -> String { all == 0 ? "0 %" : "\(part * 100 / all) %" }
}

/// The configuration for a route that was found, ready to paste. Stateless.
public enum RouteAdvice {
    public static func yaml(for route: RouteWatch) -> String {
        let match: String
        if route.route.contains("{}") || route.route.hasSuffix("...") {
            let expression = route.route.split(separator: "/").map { part in
                part == "{}" ? "[^/]+" : part == "..." ? ".*" : escaped(part)
            }
            match = "path_regex: \"^/\(expression.joined(separator: "/"))$\""
        } else {
            match = "path: \"\(route.route)\""
        }
        let method = route.nameSource == "basic" ? "" : "method: \(route.method), "
        let name = String(route.route.split(separator: "/").last ?? "login").filter {
            $0.isLetter || $0.isNumber || $0 == "-"
        }
        var lines = ["- name: \(name.isEmpty ? "login" : name)", "  match: { \(method)\(match) }"]
        if !route.nameSource.isEmpty { lines.append("  user: { login: \"\(route.nameSource)\" }") }
        lines += outcomes(route.learner)
        return lines.joined(separator: "\n")
    }

    /// A path's part as a regular expression, inside a quoted YAML text.
    private static func escaped(_ part: Substring) -> String {
        part.map { $0 == "." ? "\\\\." : String($0) }.joined()
    }

    /// Status tests, where the statuses of what was learnt tell success and failure apart.
    private static func outcomes(_ learner: OutcomeLearner) -> [String] {
        var statuses: [LoginOutcome: Set<UInt16>] = [:]
        for cluster in learner.clusters {
            statuses[learner.outcome(of: cluster).outcome, default: []].insert(cluster.shape.status)
        }
        guard let good = statuses[.success], let bad = statuses[.failure], good.isDisjoint(with: bad) else { return [] }
        func list(_ set: Set<UInt16>) -> String { set.sorted().map(String.init).joined(separator: ", ") }
        return ["  success: { status: [\(list(good))] }", "  failure: { status: [\(list(bad))] }"]
    }

    /// Hours and minutes (UTC).
    static func time(_ unixSeconds: Int64) -> String {
        let minutes = (unixSeconds % 86_400) / 60
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(two(minutes / 60)):\(two(minutes % 60))"
    }
}
