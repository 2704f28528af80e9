// SPDX-License-Identifier: Apache-2.0
package import Logins

/// Somebody who is told of attacks, as `notifications:` says. A value.
package struct NotificationTarget: Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
        /// An incoming webhook of Slack.
        case slack(url: String)
        /// A workflow of Teams that is started by a webhook.
        case teams(url: String)
        /// Events API v2.
        case pagerDuty(url: String, routingKey: String)
        case email(Mailbox)
        case webhook(Webhook)
    }

    /// How mails go out, and to whom.
    package struct Mailbox: Equatable, Sendable {
        package enum Encryption: String, CaseIterable, Sendable {
            case required, opportunistic, off
        }

        /// smtp://HOST[:PORT] or smtps://HOST[:PORT].
        package var server: String
        package var from: String
        package var to: [String]
        package var user: String?
        package var password: String?
        package var encryption = Encryption.required

        package init(server: String, from: String, to: [String]) {
            self.server = server
            self.from = from
            self.to = to
        }
    }

    package struct Webhook: Equatable, Sendable {
        package var url: String
        package var headers: [Field] = []
        /// nil: the notice's own JSON.
        package var template: Template?
        package var contentType = "application/json"
        /// Key of the signature; nil: none.
        package var secret: [UInt8]?

        package init(url: String) { self.url = url }
    }

    package struct Field: Equatable, Sendable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// From which severity on; `never` is above all.
    package enum Threshold: String, CaseIterable, Sendable {
        case low, medium, high, critical, never

        func isReached(by severity: Severity) -> Bool {
            switch self {
            case .low: true
            case .medium: severity >= .medium
            case .high: severity >= .high
            case .critical: severity >= .critical
            case .never: false
            }
        }
    }

    /// Names its place in the queue.
    package var name: String
    package var kind: Kind
    package var events: Set<NoticeKind> = [.opened, .escalated, .closed, .compromised]
    package var minimum = Threshold.medium
    /// Of some types of signals another minimum.
    package var minimums: [SignalType: Threshold] = [:]
    package var timeout = Duration.seconds(10)
    package var caFile: String?

    package init(name: String, kind: Kind) {
        self.name = name
        self.kind = kind
    }

    package func wants(_ notice: Notice) -> Bool {
        if notice.kind == .test { return true }
        return events.contains(notice.kind) && (minimums[notice.type] ?? minimum).isReached(by: notice.severity)
    }

    /// Where it goes. Slack and Teams put a secret there, so it is never logged.
    package var url: String {
        switch kind {
        case .slack(let url), .teams(let url), .pagerDuty(let url, _): url
        case .email(let mailbox): mailbox.server
        case .webhook(let webhook): webhook.url
        }
    }

    /// What this target gets for a record of the queue; nil: nothing. `unixSeconds` is now, which a signature names.
    package func message(for record: [UInt8], unixSeconds: Int64) -> NoticeMessage? {
        guard let notice = Notice(json: record), wants(notice) else { return nil }
        switch kind {
        case .slack: return SlackFormat.message(notice)
        case .teams: return TeamsFormat.message(notice)
        case .pagerDuty(_, let key): return PagerDutyFormat.message(notice, routingKey: key)
        case .email(let mailbox): return MailFormat.message(notice, mailbox)
        case .webhook(let webhook): return WebhookFormat.message(notice, record, webhook, unixSeconds: unixSeconds)
        }
    }
}

/// A message in the words of its receiver. A value.
package struct NoticeMessage: Equatable, Sendable {
    package var fields: [NotificationTarget.Field]
    package var body: [UInt8]

    static func json(_ body: [UInt8]) -> NoticeMessage {
        NoticeMessage(fields: [.init("Content-Type", "application/json")], body: body)
    }
}
