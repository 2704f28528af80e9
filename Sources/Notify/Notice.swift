// SPDX-License-Identifier: Apache-2.0
package import Logins
import Wire

/// What happened that somebody may want to be told of.
package enum NoticeKind: String, CaseIterable, Sendable {
    /// An attack was found.
    case opened
    /// It is worse than it was.
    case escalated
    /// It is over.
    case closed
    /// Accounts that an attack has taken, each named once.
    case compromised
    /// Accounts that an attack tries, each named once.
    case targeted
    /// Somebody wants to know whether messages arrive.
    case test
}

/// One thing to tell, as it stands in the queue: a JSON object (`json`), which is also what a webhook gets. A value.
package struct Notice: Equatable, Sendable {
    /// Somebody whom an attack is about.
    package struct Person: Equatable, Sendable {
        /// The typed name.
        package var login: [UInt8]
        /// `usr.id`, when the service has told it; else empty.
        package var id: [UInt8]
        /// Where the last login of this name that came in came from; empty: none is remembered.
        package var address: String

        package init(login: [UInt8], id: [UInt8] = [], address: String = "") {
            self.login = login
            self.id = id
            self.address = address
        }
    }

    /// People that one notice names at most; more make further notices. Below what `JSONReader` reads.
    package static let peopleLimit = 400

    package var kind: NoticeKind
    /// The same for every attempt to deliver it, and for no other: receivers drop what they have.
    package var id: String
    package var unixSeconds: Int64
    package var host: String
    /// "signal-0001".
    package var signal: String
    /// The same for all notices of one attack, on all its days.
    package var incident: String
    package var type: SignalType
    package var severity: Severity
    package var attempts = 0
    package var stopped = 0
    package var withheld = 0
    package var accounts = 0
    package var compromised = 0
    /// Unix seconds of the first attempt.
    package var onset: Int64 = 0
    package var restraint = ""
    package var traits: [String] = []
    package var people: [Person] = []

    package init(
        _ kind: NoticeKind, id: String, unixSeconds: Int64, host: String, signal: String, incident: String,
        type: SignalType, severity: Severity
    ) {
        self.kind = kind
        self.id = id
        self.unixSeconds = unixSeconds
        self.host = host
        self.signal = signal
        self.incident = incident
        self.type = type
        self.severity = severity
    }

    /// An invented one, for whoever tests a target.
    package static func test(id: String, unixSeconds: Int64, host: String) -> Notice {
        var notice = Notice(
            .test, id: id, unixSeconds: unixSeconds, host: host, signal: "signal-0000", incident: id,
            type: .credentialStuffing, severity: .low)
        notice.onset = unixSeconds
        notice.people = [Person(login: Array("nobody@example.com".utf8), id: Array("0".utf8), address: "192.0.2.1")]
        return notice
    }

    // MARK: As people read it

    /// One line without anything that an attacker chose.
    package var title: String {
        let what = words(type.rawValue)
        switch kind {
        case .opened: return "Account takeover, \(severity.text): \(what) (\(signal))"
        case .escalated: return "Account takeover, now \(severity.text): \(what) (\(signal))"
        case .closed: return "Account takeover, over: \(what) (\(signal))"
        case .compromised: return "\(people.count) \(accountWord) taken: \(what) (\(signal))"
        case .targeted: return "\(people.count) \(accountWord) under attack: \(what) (\(signal))"
        case .test: return "Test of a notification by Loginward"
        }
    }

    private var accountWord: String { people.count == 1 ? "account" : "accounts" }

    private func words(_ name: String) -> String { String(name.map { $0 == "_" ? " " : $0 }) }

    /// Figures with their names.
    package var facts: [(name: String, value: String)] {
        var facts = [
            ("Host", host), ("Severity", severity.text), ("First attempt", Notice.date(onset)),
            ("Attempts", "\(attempts)"), ("Stopped", "\(stopped)"), ("Withheld", "\(withheld)"),
            ("Accounts", "\(accounts)"), ("Taken", "\(compromised)"),
        ]
        if !restraint.isEmpty { facts.append(("Held back", restraint)) }
        return facts
    }

    /// The first names, made harmless for a line of text, and how many more there are.
    package func names(limit: Int) -> (names: [String], more: Int) {
        (people.prefix(limit).map { Notice.plain($0.login) }, max(0, people.count - limit))
    }

    /// At most 80 characters, and none that controls a terminal or the direction of the text.
    package static func plain(_ bytes: [UInt8]) -> String {
        let text = String(decoding: bytes, as: UTF8.self)
        var out = ""
        for scalar in text.unicodeScalars.prefix(80) {
            let isControl =
                scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
            out.unicodeScalars.append(isControl ? "\u{fffd}" : scalar)
        }
        return out
    }

    package static func date(_ unixSeconds: Int64) -> String {
        var text: [UInt8] = []
        Timestamp.write(unixNanoseconds: max(0, min(unixSeconds, 1 << 33)) * 1_000_000_000, to: &text)
        return String(decoding: text, as: UTF8.self)
    }
}
