// SPDX-License-Identifier: Apache-2.0
import Rules
import Wire

/// Reads counters: `{ key: client.ip, over: 20/1m }` in a rule's conditions, and the `rate_limits:` of the configuration, each of which is
/// a rule with a counter.
enum RateReader {
    /// The counter of `rate:`, or nil and problems.
    static func read(_ section: YAMLSection, _ context: ReadingContext) -> RateCondition? {
        let parts = section.strings("key").compactMap { text, place in part(text, place, context) }
        if !section.has("key") { context.report(section.place, "\(section.path) needs \"key\"") }
        let rate = section.rate("over")
        if !section.has("over") { context.report(section.place, "\(section.path) needs \"over\"") }
        let algorithm = section.choice("algorithm", RateCondition.Algorithm.self) ?? .tokenBucket
        let burst = section.integer("burst", 1...65_535)
        if burst != nil && algorithm == .slidingWindow {
            context.report(section.place("burst"), "a sliding window has no burst")
        }
        let refund = section.choice("refund", RateCondition.Refund.self) ?? .never
        let keys = section.integer("keys", 8...10_000_000) ?? RateCondition.defaultKeys
        guard let rate, !parts.isEmpty else { return nil }
        return RateCondition(
            key: parts, count: rate.count, window: rate.window, algorithm: algorithm, burst: burst, refund: refund,
            keys: keys)
    }

    private static func part(_ text: String, _ place: Place, _ context: ReadingContext) -> RatePart? {
        guard let part = RatePart(text) else {
            if text.hasPrefix("client.ip/") {
                context.report(
                    place, "\"\(text)\" is no network", hint: "client.ip/1 to /32 of IPv4, client.ip/33 to /128 of IPv6"
                )
            } else {
                ConditionReader.reportSubject(text, place, context)
            }
            return nil
        }
        if case .subject(let subject) = part, subject.phase == .responseBody {
            context.report(place, "\(text) is known when the answer is out: nothing can be counted by it")
            return nil
        }
        return part
    }

    // MARK: rate_limits

    /// Each is a rule: what its `when` says, and more of it than `over`.
    static func readLimits(_ top: YAMLSection, _ context: ReadingContext) -> [Rule] {
        top.sections("rate_limits").compactMap { readLimit($0, context) }
    }

    private static func readLimit(_ section: YAMLSection, _ context: ReadingContext) -> Rule? {
        defer { section.finish() }
        let name = section.required("name")
        let place = section.place("name")
        let mode = section.choice("mode", Rule.Mode.self) ?? .block
        let (services, routes, percent) = RuleReader.readScope(section)
        let rate = read(section, context)
        var parts: [Condition] = []
        if let node = section.node("when") {
            guard let condition = ConditionReader.readAll(node, section, context) else { return nil }
            parts.append(condition)
        }
        let outcome = ActionReader.read(section, name ?? "", isRated: true, context)
        guard let name, let rate, let (action, wait) = outcome else { return nil }
        RuleReader.checkName(name, place, context)
        parts.append(.rate(rate, place))
        var rule = Rule(
            id: name, name: name, mode: mode, services: services, tags: [("type", "rate_limit")],
            condition: .all(parts), action: action, captures: [], expires: nil, place: place)
        rule.wait = wait
        (rule.routes, rule.percent) = (routes, percent)
        return rule
    }
}
