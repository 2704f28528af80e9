// SPDX-License-Identifier: Apache-2.0
import Wire

/// A native event line, taken apart, for those who write it in another vocabulary. Owned by one encoder, which reuses it.
struct EventFields: Sendable {
    enum Outcome: Sendable {
        case success, failure, unknown

        var text: String {
            switch self {
            case .success: "success"
            case .failure: "failure"
            case .unknown: "unknown"
            }
        }
    }

    private var values = NamedValues()
    private(set) var line: [UInt8] = []

    /// False when the line is no JSON object; nothing of it may be used then.
    mutating func read(_ line: [UInt8]) -> Bool {
        values.reset()
        self.line = line
        if line.first != UInt8(ascii: "{") { return false }
        do throws(ContentError) {
            try JSONReader.read(line.span, into: &values)
        } catch {
            return false
        }
        return true
    }

    /// What stands under a dotted name, decoded; nil when it is absent.
    subscript(_ name: String) -> [UInt8]? {
        values.first(named: name.utf8.span).map { Array(values.arena[values.entries[$0].value.bounds]) }
    }

    func text(_ name: String) -> String? { self[name].map { String(decoding: $0, as: UTF8.self) } }

    func flag(_ name: String) -> Bool? { self[name].map { $0.first == UInt8(ascii: "t") } }

    func number(_ name: String) -> Int64? { text(name).flatMap { Int64($0) } }

    /// Milliseconds that the exchange took, to the full.
    var durationMilliseconds: Int64? { text("duration_ms").flatMap { Double($0) }.map { Int64($0.rounded()) } }

    /// All that stands below `prefix`, which ends with a dot, in the order of the line.
    func all(below prefix: String) -> [(name: [UInt8], value: [UInt8])] {
        values.entries.compactMap { entry in
            let name = values.arena[entry.name.bounds]
            if !name.starts(with: prefix.utf8) { return nil }
            return (Array(name.dropFirst(prefix.utf8.count)), Array(values.arena[entry.value.bounds]))
        }
    }

    // MARK: What every vocabulary asks

    var name: String { text("event") ?? "" }
    var unixNanoseconds: UInt64 { OTLPRecord.nanoseconds(self["time"] ?? []) }
    var isBlocked: Bool { flag("blocked") ?? false }
    var isLogin: Bool { name.hasPrefix("users.login.") }

    /// nil for an event that is no attempt: a sign-up, a reset.
    var outcome: Outcome? {
        if name.hasSuffix(".success") || name == "users.mfa.challenge" { return .success }
        if !name.hasSuffix(".failure") { return name == "users.lockout" ? .failure : nil }
        return text("tags.outcome") == "unknown" ? .unknown : .failure
    }

    /// One line for a human, without names that an attacker chose.
    var summary: String {
        switch name {
        case "users.login.success": "Login succeeded"
        case "users.login.failure": isBlocked ? "Login blocked" : outcome == .unknown ? "Login unclear" : "Login failed"
        case "users.mfa.challenge": "Second factor asked for"
        case "users.mfa.success": "Second factor accepted"
        case "users.mfa.failure": "Second factor refused"
        case "users.password_reset": "Password reset asked for"
        case "users.signup": "Sign-up"
        case "users.lockout": "Account locked"
        default: name
        }
    }
}

extension JSONWriter {
    /// A name and its text, when there is one.
    mutating func field(_ key: StaticString, _ text: [UInt8]?) {
        guard let text else { return }
        self.key(key)
        string(text.span)
    }

    mutating func field(_ key: StaticString, _ text: String?) { field(key, text.map { Array($0.utf8) }) }

    mutating func field(_ key: StaticString, _ number: Int64?) {
        guard let number else { return }
        self.key(key)
        self.number(number)
    }

    mutating func field(_ key: StaticString, _ flag: Bool?) {
        guard let flag else { return }
        self.key(key)
        boolean(flag)
    }

    mutating func open(_ key: StaticString) {
        self.key(key)
        beginObject()
    }

    /// An object of texts, when there are some.
    mutating func group(_ key: StaticString, _ pairs: [(name: [UInt8], value: [UInt8])]) {
        if pairs.isEmpty { return }
        open(key)
        for pair in pairs {
            self.key(pair.name.span)
            string(pair.value.span)
        }
        endObject()
    }
}
