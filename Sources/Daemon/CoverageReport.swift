// SPDX-License-Identifier: Apache-2.0
import Admin
import Logins
import Wire

/// What is known of login coverage, as JSON and as metrics.
struct CoverageReport {
    let routes: [RouteWatch]
    let findings: [CoverageFinding]

    func json() -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("window_seconds")
        writer.number(2 * LoginWatch.stretchSeconds)
        writer.key("findings")
        writer.beginArray()
        for finding in findings {
            writer.beginObject()
            let texts: [(StaticString, String)] = [
                ("code", finding.code.rawValue), ("service", finding.service), ("route", finding.route),
                ("what", finding.what), ("evidence", finding.evidence), ("change", finding.change),
            ]
            for (name, text) in texts {
                writer.key(name)
                writer.string(text)
            }
            writer.endObject()
        }
        writer.endArray()
        writer.key("routes")
        writer.beginArray()
        for route in routes { write(route, to: &writer) }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    private func write(_ route: RouteWatch, to writer: inout JSONWriter) {
        let counts = route.counts
        writer.beginObject()
        writer.key("service")
        writer.string(route.service)
        writer.key("route")
        writer.string(route.route)
        writer.key("provisional")
        writer.boolean(route.isProvisional)
        for (name, value) in Self.counts(counts) {
            writer.key(name)
            writer.number(Int64(clamping: value))
        }
        writer.key("shares")
        writer.beginObject()
        for (name, part, all) in Self.shares(counts) where all > 0 {
            writer.key(name)
            writer.raw(Self.decimal(Double(part) / Double(all)).span)
        }
        writer.endObject()
        if let top = counts.clients.top {
            writer.key("top_client")
            writer.beginObject()
            writer.key("ip")
            writer.string(top.address.description)
            writer.key("share")
            writer.raw(Self.decimal(top.share).span)
            writer.endObject()
        }
        writeLearnt(route, to: &writer)
        if route.isProvisional {
            writer.key("configure")
            writer.string(RouteAdvice.yaml(for: route))
        }
        writer.endObject()
    }

    private func writeLearnt(_ route: RouteWatch, to writer: inout JSONWriter) {
        if route.learner.clusters.isEmpty { return }
        writer.key("answers")
        writer.beginArray()
        for cluster in route.learner.clusters.sorted(by: { $0.count > $1.count }) {
            let learnt = route.learner.outcome(of: cluster)
            writer.beginObject()
            writer.key("status")
            writer.number(Int64(cluster.shape.status))
            writer.key("signs")
            writer.beginArray()
            for sign in cluster.shape.signs.names { writer.string(sign) }
            writer.endArray()
            writer.key("count")
            writer.number(Int64(clamping: cluster.count))
            writer.key("repeated")
            writer.number(Int64(clamping: cluster.repeated))
            writer.key("outcome")
            writer.string(learnt.outcome == .success ? "success" : learnt.outcome == .failure ? "failure" : "unknown")
            writer.key("confidence")
            writer.raw(Self.decimal(learnt.confidence).span)
            writer.endObject()
        }
        writer.endArray()
    }

    private static func counts(_ counts: CoverageCounts) -> [(StaticString, UInt64)] {
        [
            ("events", counts.events), ("attempts", counts.attempts), ("successes", counts.successes),
            ("failures", counts.failures), ("unknown", counts.unknowns), ("blocked", counts.blocked),
        ]
    }

    private static func shares(_ counts: CoverageCounts) -> [(StaticString, UInt64, UInt64)] {
        [
            ("usr.login", counts.withLogin, counts.events),
            ("usr.exists", counts.failuresWithExists, counts.failures),
            ("usr.id", counts.successesWithID, counts.successes),
            ("private_clients", counts.privateClients, counts.events),
            ("library_user_agents", counts.libraryAgents, counts.events),
            ("no_user_agent", counts.withoutUserAgent, counts.events),
            ("no_accept_encoding", counts.withoutAcceptEncoding, counts.events),
            ("no_accept_language", counts.withoutAcceptLanguage, counts.events),
            ("untrusted_forwarding", counts.untrustedForwarding, counts.events),
        ]
    }

    /// Three digits behind the point.
    private static func decimal(_ share: Double) -> [UInt8] {
        let thousandths = Int((share * 1_000).rounded())
        let digits = String(thousandths % 1_000)
        return Array("\(thousandths / 1_000).\(String(repeating: "0", count: 3 - digits.count))\(digits)".utf8)
    }

    // MARK: Metrics

    func families() -> [MetricFamily] {
        var found = MetricFamily(
            "loginward_coverage_finding", .gauge,
            "Things that are wrong with how logins are seen, each with its number.")
        // Routes that were found have names from clients' paths: those are counted and not named.
        let names = Set(routes.filter(\.isProvisional).map { [$0.service, $0.route] })
        var counts: [[String]: Int] = [:]
        for finding in findings {
            let isFound = names.contains([finding.service, finding.route])
            if isFound && finding.code != .unconfiguredRoute { continue }
            counts[[finding.service, isFound ? "" : finding.route, finding.code.rawValue], default: 0] += 1
        }
        for (labels, count) in counts.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            found.add([("service", labels[0]), ("route", labels[1]), ("finding", labels[2])], Double(count))
        }
        var events = MetricFamily("loginward_coverage_events", .gauge, "Events of a login route within the window.")
        var shares = MetricFamily(
            "loginward_coverage_share", .gauge,
            "Share of a login route's events within the window, by what they have or lack.")
        for route in routes where !route.isProvisional {
            let labels = [("service", route.service), ("route", route.route)]
            let counts = route.counts
            events.add(labels, Double(counts.events))
            for (name, part, all) in Self.shares(counts) where all > 0 {
                shares.add(labels + [("what", "\(name)")], Double(part) / Double(all))
            }
        }
        return [found, events, shares]
    }
}

extension AnswerShape.Signs {
    fileprivate var names: [String] {
        let all: [(AnswerShape.Signs, String)] = [
            (.setsCookie, "sets_cookie"), (.redirects, "redirects"), (.redirectsBack, "redirects_back"),
            (.asksPassword, "asks_password"), (.hasToken, "has_token"), (.namesError, "names_error"),
            (.isJSON, "json"), (.isHTML, "html"), (.isEmpty, "empty"),
        ]
        return all.filter { contains($0.0) }.map(\.1)
    }
}
