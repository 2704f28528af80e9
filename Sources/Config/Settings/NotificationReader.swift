// SPDX-License-Identifier: Apache-2.0
import Logins
import Notify
import Wire

/// Reads `notifications:`.
enum NotificationReader {
    private enum Kind: String, CaseIterable {
        case slack, teams, pagerduty, email, webhook
    }

    /// What a target can be told of; a test is always told.
    private static let kinds = NoticeKind.allCases.filter { $0 != .test }

    static func read(_ top: YAMLSection, _ context: ReadingContext) -> [NotificationTarget] {
        var targets: [NotificationTarget] = []
        for section in top.sections("notifications") {
            if let target = readOne(section, context) {
                if targets.contains(where: { $0.name == target.name }) {
                    context.report(section.place("name"), "two notifications are named \"\(target.name)\"")
                }
                targets.append(target)
            }
            section.finish()
        }
        return targets
    }

    private static func readOne(_ section: YAMLSection, _ context: ReadingContext) -> NotificationTarget? {
        let name = section.required("name")
        if let name, !name.utf8.allSatisfy({ ByteClass.isToken($0) }) || name.utf8.count > 64 {
            context.report(
                section.place("name"), "a notification's name must be one word of at most 64 letters",
                hint: "it names a file in the state directory")
        }
        if !section.has("type") { context.report(section.place, "\(section.path) needs \"type\"") }
        guard let name, let type = section.choice("type", Kind.self) else { return nil }
        let kind: NotificationTarget.Kind? =
            switch type {
            case .slack: url(section, context).map { .slack(url: $0) }
            case .teams: url(section, context).map { .teams(url: $0) }
            case .pagerduty: pagerDuty(section, context)
            case .email: MailboxReader.read(section, context).map { .email($0) }
            case .webhook: webhook(section, context).map { .webhook($0) }
            }
        var target = NotificationTarget(name: name, kind: kind ?? .slack(url: ""))
        readFilters(section, &target, context)
        section.duration("timeout", &target.timeout)
        target.caFile = section.file("tls_ca")
        return kind == nil ? nil : target
    }

    private static func readFilters(
        _ section: YAMLSection, _ target: inout NotificationTarget, _ context: ReadingContext
    ) {
        if section.has("on") {
            target.events = []
            for (word, place) in section.strings("on") {
                if let kind = kinds.first(where: { $0.rawValue == word }) {
                    target.events.insert(kind)
                } else {
                    context.report(
                        place, "\"\(word)\" is nothing that happens to a signal",
                        hint: kinds.map(\.rawValue).joined(separator: ", "))
                }
            }
        }
        if let minimum = section.choice("minimum_severity", NotificationTarget.Threshold.self) {
            target.minimum = minimum
        }
        guard let types = section.section("signals") else { return }
        for type in SignalType.allCases {
            if let minimum = types.choice(type.rawValue, NotificationTarget.Threshold.self) {
                target.minimums[type] = minimum
            }
        }
        types.finish()
    }

    // MARK: Kinds

    private static func url(_ section: YAMLSection, _ context: ReadingContext) -> String? {
        guard let url = secret("url", section, context, isNeeded: true) else { return nil }
        if !url.hasPrefix("http://") && !url.hasPrefix("https://")
            || url.utf8.contains(where: { $0 <= 32 || $0 == 127 })
        {
            // What stands there may be a secret.
            context.report(section.place("url"), "\(section.name("url")) is not an http or https URL")
            return nil
        }
        return url
    }

    private static func pagerDuty(_ section: YAMLSection, _ context: ReadingContext) -> NotificationTarget.Kind? {
        let key = secret("routing_key", section, context, isNeeded: true)
        let isElsewhere = section.has("url") || section.has("url_file")
        let url = isElsewhere ? url(section, context) : "https://events.pagerduty.com/v2/enqueue"
        guard let key, let url else { return nil }
        return .pagerDuty(url: url, routingKey: key)
    }

    private static func webhook(_ section: YAMLSection, _ context: ReadingContext) -> NotificationTarget.Webhook? {
        let url = url(section, context)
        var webhook = NotificationTarget.Webhook(url: url ?? "")
        webhook.headers = HeaderReader.read(section, context).map { .init($0.0, $0.1) }
        if let type = section.string("content_type") {
            webhook.contentType = type
            if type.isEmpty || type.utf8.contains(where: { $0 < 32 || $0 >= 127 }) {
                context.report(section.place("content_type"), "\"\(type)\" is no media type")
            }
        }
        readTemplate(section, &webhook, context)
        if let text = secret("secret", section, context, isNeeded: false) {
            webhook.secret = key(text)
            if (webhook.secret?.count ?? 0) < 16 {
                context.report(
                    section.place(section.has("secret_file") ? "secret_file" : "secret"),
                    "a secret must have at least 16 bytes", hint: "openssl rand -base64 32")
            }
        }
        return url == nil ? nil : webhook
    }

    private static func readTemplate(
        _ section: YAMLSection, _ webhook: inout NotificationTarget.Webhook, _ context: ReadingContext
    ) {
        var text = section.string("template")
        var place = section.place("template")
        if let path = section.file("template_file") {
            place = Place(file: path)
            text = context.contents(path, section.place("template_file")).map { String(decoding: $0, as: UTF8.self) }
        }
        guard let text else { return }
        do throws(Template.Trouble) {
            let template = try Template(text)
            webhook.template = template
            if webhook.contentType.contains("json") && !template.makesJSON {
                context.report(
                    place, "this template gives no JSON",
                    hint: "$SECURITY_SIGNAL_ATTRIBUTES stands without quotes, every other variable between them")
            }
        } catch {
            context.report(
                place, "there is no variable $\(error.variable)",
                hint: Template.Variable.allCases.map { "$\($0.rawValue)" }.joined(separator: ", "))
        }
    }

    /// "whsec_" and base64, as standardwebhooks.com writes keys, or any other text for its own bytes.
    private static func key(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        if text.hasPrefix("whsec_"), Base64.decode(Array(text.utf8.dropFirst(6)).span, into: &bytes) { return bytes }
        return Array(text.utf8)
    }

    /// A value that should be known to few: `KEY`, or the first line of the file that `KEY_file` names.
    static func secret(
        _ key: String, _ section: YAMLSection, _ context: ReadingContext, isNeeded: Bool
    ) -> String? {
        let plain = section.string(key)
        if let path = section.file("\(key)_file") {
            if section.has(key) && plain != nil {
                context.report(section.place(key), "\(section.name(key)) and \(key)_file are two answers")
            }
            guard let bytes = context.contents(path, section.place("\(key)_file")) else { return nil }
            let text = Substring(decoding: bytes.prefix { $0 != 10 && $0 != 13 }, as: UTF8.self).trimmingSpaces()
            if text.isEmpty { context.report(section.place("\(key)_file"), "\(path) is empty") }
            return text.isEmpty ? nil : text
        }
        if plain == nil && isNeeded {
            context.report(section.place, "\(section.path) needs \"\(key)\" or \"\(key)_file\"")
        }
        return plain
    }
}
