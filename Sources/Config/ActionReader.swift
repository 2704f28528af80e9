// SPDX-License-Identifier: Apache-2.0
import Rules
import Wire

/// Reads what is done when a rule matches: `then:`.
enum ActionReader {
    private static let actions = ["block", "redirect", "respond", "delay", "close", "flag", "mimic"]

    /// Fields that the gate writes itself.
    private static let reserved = [
        "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer", "date",
        "content-type", "proxy-connection",
    ]

    /// Who asks too often is told so, unless the rule says otherwise. The wait comes before an answer of our own.
    static func read(
        _ rule: YAMLSection, _ id: String, isRated: Bool, _ context: ReadingContext
    ) -> (action: RuleAction, wait: Duration?)? {
        let refusal = isRated ? 429 : 403
        guard rule.has("then") else { return (.block(status: refusal), nil) }
        guard let section = rule.section("then") else { return nil }
        defer { section.finish() }
        let word = section.string("action", known: actions) ?? ""
        guard let action = read(word, section, id, refusal, context) else { return nil }
        if action.isPassing { return (action, nil) }
        var wait = Duration.zero
        section.duration("wait", &wait)
        limit(wait, "wait", section, context)
        return (action, wait > .zero ? wait : nil)
    }

    private static func read(
        _ word: String, _ section: YAMLSection, _ id: String, _ refusal: Int, _ context: ReadingContext
    ) -> RuleAction? {
        switch word {
        case "block": return readBlock(section, refusal, context)
        case "redirect":
            let status = section.integer("status", 300...308) ?? 302
            guard let location = section.required("location") else { return nil }
            return .redirect(status: status, location: text(location, section, "location", context))
        case "respond": return .respond(readAnswer(section, 200, 200...599, context))
        case "mimic":
            guard let fallback = section.section("fallback") else {
                return .mimic(fallback: RuleAnswer(status: 401, content: .page(html: nil, json: nil)))
            }
            defer { fallback.finish() }
            return .mimic(fallback: readAnswer(fallback, 401, 200...599, context))
        case "delay":
            var time = Duration.seconds(1)
            section.duration("time", &time)
            limit(time, "time", section, context)
            return .delay(time)
        case "close": return .close
        case "flag":
            let header = section.string("header") ?? "X-Loginward-Flag"
            if !HeaderName.isValid(header) {
                context.report(section.place("header"), "\"\(header)\" is not a field name")
            }
            return .flag(
                header: Array(header.utf8), value: text(section.string("value") ?? id, section, "value", context))
        default:
            context.report(
                section.place("action"),
                word.isEmpty ? "\(section.path) needs \"action\"" : "unknown action \"\(word)\"",
                hint: Units.nearest(to: word, in: actions).map { "did you mean \"\($0)\"?" }
                    ?? actions.joined(separator: ", "))
            return nil
        }
    }

    private static func limit(_ time: Duration, _ key: String, _ section: YAMLSection, _ context: ReadingContext) {
        if time > .seconds(60) { context.report(section.place(key), "a delay is at most 60s") }
    }

    /// The page of the configuration, or the rule's own.
    private static func readBlock(_ section: YAMLSection, _ refusal: Int, _ context: ReadingContext) -> RuleAction {
        let status = section.integer("status", 400...599) ?? refusal
        let html = contents("html", section, context)
        let json = contents("json", section, context)
        let headers = readHeaders(section, context)
        if html == nil && json == nil && headers.isEmpty { return .block(status: status) }
        return .respond(RuleAnswer(status: status, headers: headers, content: .page(html: html, json: json)))
    }

    private static func readAnswer(
        _ section: YAMLSection, _ status: Int, _ range: ClosedRange<Int>, _ context: ReadingContext
    ) -> RuleAnswer {
        let status = section.integer("status", range) ?? status
        let type = section.string("content_type") ?? "text/plain; charset=utf-8"
        var body = Array((section.string("body") ?? "").utf8)
        if let file = contents("body_file", section, context) {
            if section.has("body") { context.report(section.place("body_file"), "body and body_file are two bodies") }
            body = file
        }
        return RuleAnswer(
            status: status, headers: readHeaders(section, context),
            content: .text(type: text(type, section, "content_type", context), body: body))
    }

    private static func contents(_ key: String, _ section: YAMLSection, _ context: ReadingContext) -> [UInt8]? {
        section.file(key).flatMap { context.contents($0, section.place(key)) }
    }

    /// Complete field lines.
    private static func readHeaders(_ section: YAMLSection, _ context: ReadingContext) -> [UInt8] {
        guard let headers = section.section("headers") else { return [] }
        var lines: [UInt8] = []
        for member in headers.members() {
            guard let value = member.text else { continue }
            if !HeaderName.isValid(member.name) {
                context.report(headers.keyPlace(member.name), "\"\(member.name)\" is not a field name")
            } else if reserved.contains(member.name.lowercased()) {
                context.report(headers.keyPlace(member.name), "\(member.name) is written by the gate itself")
            }
            lines += Array("\(member.name): ".utf8) + text(value, headers, member.name, context) + [13, 10]
        }
        headers.finish()
        return lines
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
