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
        let rules = top.sections("rules").compactMap { readRule($0, context) }
        top.finish()
        return rules
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
        _ = top.sections("rules").compactMap { readRule($0, context) }
    }

    private static let actions = ["block", "redirect", "respond", "delay", "close", "flag"]

    private static func readRule(_ section: YAMLSection, _ context: ReadingContext) -> Rule? {
        defer { section.finish() }
        let id = section.required("id")
        let name = section.string("name") ?? id ?? ""
        let mode = section.choice("mode", Rule.Mode.self) ?? .block
        let services = section.strings("services").map(\.text)
        var tags: [(String, String)] = []
        if let section = section.section("tags") { tags = section.keys.map { ($0, section.string($0) ?? "") } }
        var condition: Condition?
        if let node = section.node("when") {
            condition = ConditionReader.readAll(node, section, context)
        } else {
            context.report(section.place, "\(section.path) needs \"when\"")
        }
        let action = readAction(section, id ?? "", isRated: condition?.isRated ?? false, context)
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
        guard let id, let condition, let action else { return nil }
        checkName(id, section.place("id"), context)
        return Rule(
            id: id, name: name, mode: mode, services: services, tags: tags, condition: condition, action: action,
            captures: captures,
            expires: expires, place: section.place("id"))
    }

    /// It stands in metrics and logs.
    static func checkName(_ id: String, _ place: Place, _ context: ReadingContext) {
        if !id.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != 34 && $0 != 92 }) {
            context.report(place, "a rule's id is one word of plain characters")
        }
    }

    /// What is done when a rule matches. Who asks too often is told so, unless the rule says otherwise.
    static func readAction(
        _ rule: YAMLSection, _ id: String, isRated: Bool, _ context: ReadingContext
    ) -> RuleAction? {
        let refusal = isRated ? 429 : 403
        guard rule.has("then") else { return .block(status: refusal) }
        guard let section = rule.section("then") else { return nil }
        defer { section.finish() }
        switch section.string("action", known: actions) ?? "" {
        case "block": return .block(status: section.integer("status", 400...599) ?? refusal)
        case "redirect":
            let status = section.integer("status", 300...308) ?? 302
            guard let location = section.required("location") else { return nil }
            return .redirect(status: status, location: text(location, section, "location", context))
        case "respond":
            let status = section.integer("status", 200...599) ?? 200
            let type = section.string("content_type") ?? "text/plain; charset=utf-8"
            return .respond(
                status: status, contentType: text(type, section, "content_type", context),
                body: Array((section.string("body") ?? "").utf8))
        case "delay":
            var time = Duration.seconds(1)
            section.duration("time", &time)
            if time > .seconds(60) { context.report(section.place("time"), "a delay is at most 60s") }
            return .delay(time)
        case "close": return .close
        case "flag":
            let header = section.string("header") ?? "X-Loginward-Flag"
            if !HeaderName.isValid(header) {
                context.report(section.place("header"), "\"\(header)\" is not a field name")
            }
            return .flag(
                header: Array(header.utf8), value: text(section.string("value") ?? id, section, "value", context))
        case let other:
            let known = actions
            context.report(
                section.place("action"),
                other.isEmpty ? "\(section.path) needs \"action\"" : "unknown action \"\(other)\"",
                hint: Units.nearest(to: other, in: known).map { "did you mean \"\($0)\"?" }
                    ?? known.joined(separator: ", "))
            return nil
        }
    }

    /// A text that goes into a head: no control characters, or it could end the line.
    private static func text(_ value: String, _ section: YAMLSection, _ key: String, _ context: ReadingContext)
        -> [UInt8]
    {
        if value.utf8.contains(where: { !ByteClass.isFieldValue($0) }) {
            context.report(section.place(key), "\(section.name(key)) holds control characters")
        }
        return Array(value.utf8)
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
