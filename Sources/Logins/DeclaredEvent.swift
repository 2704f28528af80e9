// SPDX-License-Identifier: Apache-2.0
import Wire

/// One event that the application itself reports, in a field of its answer or to the admin listener. A value.
public struct DeclaredEvent: Equatable, Sendable {
    public static let field: StaticString = "x-loginward-event"
    /// Fields of one answer that are read, and tags of one event.
    public static let eventLimit = 8
    static let tagLimit = 16
    static let textLimit = 1_024

    public var kind: EventKind
    public var outcome: LoginOutcome
    /// Of a `custom` event.
    public var name: [UInt8] = []
    public var login: [UInt8]?
    public var userID: [UInt8] = []
    public var exists: Bool?
    public var tags: [Tag] = []

    public struct Tag: Equatable, Sendable {
        public var name: [UInt8]
        public var value: [UInt8]
    }

    /// nil: `name` is none that an event may have. Known names get their kind, others are custom.
    public init?(name: Span<UInt8>) {
        if name.isEmpty || name.count > LoginEvent.customNameLimit { return nil }
        for index in name.indices {
            switch name[index] {
            case 97...122, 48...57, UInt8(ascii: "_"), UInt8(ascii: "."): continue
            default: return nil
            }
        }
        outcome = .success
        switch true {
        case ByteSearch.equals(name, "users.login.success".utf8.span): kind = .login
        case ByteSearch.equals(name, "users.login.failure".utf8.span): (kind, outcome) = (.login, .failure)
        case ByteSearch.equals(name, "users.mfa.challenge".utf8.span): kind = .mfaChallenge
        case ByteSearch.equals(name, "users.mfa.success".utf8.span): kind = .mfa
        case ByteSearch.equals(name, "users.mfa.failure".utf8.span): (kind, outcome) = (.mfa, .failure)
        case ByteSearch.equals(name, "users.password_reset".utf8.span): kind = .passwordReset
        case ByteSearch.equals(name, "users.signup".utf8.span): kind = .signup
        case ByteSearch.equals(name, "users.lockout".utf8.span): (kind, outcome) = (.lockout, .failure)
        default:
            kind = .custom
            self.name.append(name)
        }
    }

    /// It says what came of the exchange's own attempt: an exchange has one of these.
    public var decides: Bool { kind == .login || kind == .mfaChallenge || kind == .mfa || kind == .lockout }

    /// Takes one property over. False: the value cannot be one.
    public mutating func set(_ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool {
        if value.count > DeclaredEvent.textLimit || key.isEmpty || key.count > 64 { return false }
        if ByteSearch.equals(key, "usr.login".utf8.span) {
            var text: [UInt8] = []
            text.append(value)
            login = text
        } else if ByteSearch.equals(key, "usr.id".utf8.span) {
            userID.removeAll()
            userID.append(value)
        } else if ByteSearch.equals(key, "usr.exists".utf8.span) {
            let isTrue = ByteSearch.equals(value, "true".utf8.span)
            if !isTrue && !ByteSearch.equals(value, "false".utf8.span) { return false }
            exists = isTrue
        } else {
            if tags.count >= DeclaredEvent.tagLimit { return false }
            var tag = Tag(name: [], value: [])
            tag.name.append(key)
            tag.value.append(value)
            tags.append(tag)
        }
        return true
    }
}

/// Reads `X-Loginward-Event`: `name *( ";" key "=" ( token / quoted-string ) )`, several with commas between them (RFC 9110 §5.6). Stateless.
public enum DeclaredEventReader {
    /// Appends the events of one field. False: something in it was none, and was left out.
    public static func read(_ value: Span<UInt8>, into events: inout [DeclaredEvent]) -> Bool {
        var isGood = true
        var cursor = 0
        while true {
            skip(value, &cursor) { $0 == 32 || $0 == 9 || $0 == UInt8(ascii: ",") }
            if cursor == value.count { return isGood }
            if events.count >= DeclaredEvent.eventLimit { return false }
            let start = cursor
            skip(value, &cursor) { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: ",") }
            let name = value.slice(ByteSearch.trim(value, ByteRange(start, cursor)))
            var event = DeclaredEvent(name: name)
            if event == nil { isGood = false }
            if !readProperties(value, &cursor, into: &event) { isGood = false }
            if let event { events.append(event) }
        }
    }

    private static func readProperties(_ text: Span<UInt8>, _ cursor: inout Int, into event: inout DeclaredEvent?)
        -> Bool
    {
        var isGood = true
        while cursor < text.count && text[cursor] == UInt8(ascii: ";") {
            cursor += 1
            let start = cursor
            skip(text, &cursor) { $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: ",") }
            let key = ByteSearch.trim(text, ByteRange(start, cursor))
            if cursor == text.count || text[cursor] != UInt8(ascii: "=") {
                if !key.isEmpty { isGood = false }
                continue
            }
            cursor += 1
            var plain: [UInt8] = []
            if !readValue(text, &cursor, into: &plain) { isGood = false }
            if event?.set(text.slice(key), plain.span) == false { isGood = false }
        }
        return isGood
    }

    /// A quoted string without its quotes and escapes, or everything up to the next separator.
    private static func readValue(_ text: Span<UInt8>, _ cursor: inout Int, into out: inout [UInt8]) -> Bool {
        skip(text, &cursor) { $0 == 32 || $0 == 9 }
        if cursor == text.count || text[cursor] != 34 {
            let start = cursor
            skip(text, &cursor) { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: ",") }
            out.append(text.slice(ByteSearch.trim(text, ByteRange(start, cursor))))
            return true
        }
        cursor += 1
        while cursor < text.count && text[cursor] != 34 {
            if text[cursor] == 92 && cursor + 1 < text.count { cursor += 1 }
            out.append(text[cursor])
            cursor += 1
        }
        let isClosed = cursor < text.count
        if isClosed { cursor += 1 }
        let end = cursor
        skip(text, &cursor) { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: ",") }
        return isClosed && ByteSearch.trim(text, ByteRange(end, cursor)).isEmpty
    }

    private static func skip(_ text: Span<UInt8>, _ cursor: inout Int, while holds: (UInt8) -> Bool) {
        while cursor < text.count && holds(text[cursor]) { cursor += 1 }
    }
}
