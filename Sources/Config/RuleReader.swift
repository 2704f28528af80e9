// SPDX-License-Identifier: Apache-2.0
import Rules
import Wire
import Yams

/// Reads one rule file into descriptions.
enum RuleReader {
    /// Rules of this program's language are returned; a ruleset of Datadog's format goes into `draft`.
    static func read(_ bytes: [UInt8], file: String, into draft: DatadogDraft, _ context: ReadingContext) -> [Rule] {
        if let document = datadogJSON(bytes, file, context) {
            draft.take(document)
            return []
        }
        guard let node = YAMLDocument.parse(bytes, file: file, context) else { return [] }
        if case .mapping(let mapping) = node, mapping["version"]?.scalar?.string.hasPrefix("2") == true {
            draft.take(DocumentNode(node, file: file))
            return []
        }
        guard let top = YAMLSection(node, file: file, path: "", context) else { return [] }
        _ = top.string("version")
        if !top.has("rules") { context.report(top.place, "the file needs \"rules\"") }
        // The whole file may be held back, whatever its rules say.
        let mode = top.choice("mode", Rule.Mode.self) ?? .block
        let rules = top.sections("rules").compactMap { readRule($0, context) }
        top.finish()
        return rules.map { rule in
            var rule = rule
            rule.mode = weaker(rule.mode, mode)
            return rule
        }
    }

    /// A file that is JSON and says so by its version; YAML reads all JSON, but slowly.
    private static func datadogJSON(_ bytes: [UInt8], _ file: String, _ context: ReadingContext) -> DocumentNode? {
        guard bytes.first(where: { $0 > 32 }) == UInt8(ascii: "{") else { return nil }
        let trial = ReadingContext(context.environment)
        guard let document = JSONDocument.parse(bytes, file: file, trial), DatadogDraft.isRuleset(document) else {
            return nil
        }
        context.report(trial.problems)
        return document
    }

    /// What a file of rules may hold, told by being asked.
    static func describe(_ top: YAMLSection, _ context: ReadingContext) {
        _ = top.string("version")
        _ = top.choice("mode", Rule.Mode.self)
        _ = top.sections("rules").compactMap { readRule($0, context) }
    }

    private static func weaker(_ left: Rule.Mode, _ right: Rule.Mode) -> Rule.Mode {
        if left == .off || right == .off { return .off }
        return left == .monitor || right == .monitor ? .monitor : .block
    }

    /// Of which requests a rule speaks.
    static func readScope(_ section: YAMLSection) -> (services: [String], routes: [String], percent: Int) {
        (
            section.strings("services").map(\.text), section.strings("routes").map(\.text),
            section.integer("percent", 1...100) ?? 100
        )
    }

    private static func readRule(_ section: YAMLSection, _ context: ReadingContext) -> Rule? {
        defer { section.finish() }
        let id = section.required("id")
        let name = section.string("name") ?? id ?? ""
        let mode = section.choice("mode", Rule.Mode.self) ?? .block
        let (services, routes, percent) = readScope(section)
        var tags: [(String, String)] = []
        if let section = section.section("tags") { tags = section.keys.map { ($0, section.string($0) ?? "") } }
        var condition: Condition?
        if let node = section.node("when") {
            condition = ConditionReader.readAll(node, section, context)
        } else {
            context.report(section.place, "\(section.path) needs \"when\"")
        }
        let outcome = ActionReader.read(section, id ?? "", isRated: condition?.isRated ?? false, context)
        var captures: [(tag: String, subject: Subject)] = []
        if let list = section.section("capture") {
            for key in list.keys {
                guard let text = list.string(key) else { continue }
                if let subject = Subject(text) {
                    captures.append((key, subject))
                } else {
                    ConditionReader.reportSubject(text, list.place(key), context)
                }
            }
        }
        var expires: Int64?
        if let text = section.string("expires") {
            expires = Timestamp.parse(Array(text.utf8).span)
            if expires == nil {
                context.report(section.place("expires"), "\"\(text)\" is not a time", hint: "2026-12-24T00:00:00Z")
            }
        }
        guard let id, let condition, let (action, wait) = outcome else { return nil }
        checkName(id, section.place("id"), context)
        var rule = Rule(
            id: id, name: name, mode: mode, services: services, tags: tags, condition: condition, action: action,
            captures: captures,
            expires: expires, place: section.place("id"))
        rule.wait = wait
        (rule.routes, rule.percent) = (routes, percent)
        return rule
    }

    /// It stands in metrics and logs.
    static func checkName(_ id: String, _ place: Place, _ context: ReadingContext) {
        if !id.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != 34 && $0 != 92 }) {
            context.report(place, "a rule's id is one word of plain characters")
        }
    }
}

/// Reads conditions: a list of which all must hold, of subjects with what is asked of them, `any`, `all` and `not`.
enum ConditionReader {
    private static let depthLimit = 16

    static func readAll(_ node: Node, _ section: YAMLSection, _ context: ReadingContext, depth: Int = 0) -> Condition? {
        let place = YAMLSection.place(node, section.file)
        if depth > depthLimit {
            context.report(place, "conditions are nested too deeply")
            return nil
        }
        guard case .sequence(let list) = node else { return readOne(node, section, context, depth) }
        if list.isEmpty { context.report(place, "a condition must not be empty") }
        let parts = list.map { readOne($0, section, context, depth) }
        return parts.contains { $0 == nil } ? nil : .all(parts.compactMap { $0 })
    }

    /// One mapping: every key of it must hold.
    private static func readOne(_ node: Node, _ section: YAMLSection, _ context: ReadingContext, _ depth: Int)
        -> Condition?
    {
        guard let mapping = YAMLSection(node, file: section.file, path: "\(section.path).when", context) else {
            return nil
        }
        var parts: [Condition] = []
        var isGood = !mapping.keys.isEmpty
        if !isGood { context.report(mapping.place, "a condition must not be empty") }
        for key in mapping.keys {
            guard let value = mapping.node(key) else { continue }
            guard let part = readPart(key, value, mapping, context, depth) else {
                isGood = false
                continue
            }
            parts.append(part)
        }
        if !isGood { return nil }
        return parts.count == 1 ? parts[0] : .all(parts)
    }

    private static func readPart(
        _ key: String, _ value: Node, _ mapping: YAMLSection, _ context: ReadingContext, _ depth: Int
    ) -> Condition? {
        switch key {
        case "not": return readAll(value, mapping, context, depth: depth + 1).map { .not($0) }
        case "all": return readAll(value, mapping, context, depth: depth + 1)
        case "rate":
            guard let section = YAMLSection(value, file: mapping.file, path: "rate", context) else { return nil }
            let rate = RateReader.read(section, context)
            section.finish()
            return rate.map { .rate($0, mapping.keyPlace(key)) }
        case "any":
            guard let all = readAll(value, mapping, context, depth: depth + 1) else { return nil }
            if case .all(let parts) = all { return .any(parts) }
            return all
        default:
            guard let subject = Subject(key) else {
                reportSubject(key, mapping.keyPlace(key), context)
                return nil
            }
            return TestReader.read(subject, value, mapping, key, context)
        }
    }

    static func reportSubject(_ text: String, _ place: Place, _ context: ReadingContext) {
        let known =
            Subject.plain.keys.sorted() + [
                "request.header.", "request.query.", "request.cookie.", "request.body.", "response.header.",
                "response.body.",
            ]
        context.report(
            place, "unknown subject \"\(text)\"",
            hint: Units.nearest(to: text, in: known).map { "did you mean \"\($0)\"?" }
                ?? "for example request.path or request.header.user-agent")
    }
}

extension Condition {
    /// Something of it counts.
    var isRated: Bool {
        switch self {
        case .rate: true
        case .all(let parts), .any(let parts): parts.contains(where: \.isRated)
        case .not(let part): part.isRated
        case .test: false
        }
    }
}
