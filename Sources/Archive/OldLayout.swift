// SPDX-License-Identifier: Apache-2.0
import Logins
import Wire

/// Reads events in their native form, as the first layout kept them. Stateless.
enum OldLayout {
    private static let texts: [(String, any WritableKeyPath<LoginEvent.Texts, ByteRange> & Sendable)] = [
        ("id", \.id), ("service", \.service), ("route", \.route), ("usr.login", \.login), ("usr.id", \.userID),
        ("http.method", \.method), ("http.path", \.path), ("http.host", \.host), ("http.user_agent", \.userAgent),
        ("fingerprint.http", \.fingerprintHTTP), ("fingerprint.header", \.fingerprintHeader),
        ("fingerprint.network", \.fingerprintNetwork), ("fingerprint.session", \.fingerprintSession),
        ("fingerprint.http2", \.fingerprintHTTP2), ("verdict.rule", \.rule), ("verdict.reason", \.reason),
        ("request_id", \.requestID), ("tls.version", \.tlsVersion), ("tls.cipher", \.tlsCipher),
        ("tls.server_name", \.tlsServerName),
    ]

    /// nil: it is no event.
    static func event(_ json: [UInt8]) -> LoginEvent? {
        var values = NamedValues()
        guard (try? JSONReader.read(json.span, into: &values)) != nil else { return nil }
        func value(_ name: String) -> [UInt8]? {
            values.first(named: Array(name.utf8).span).map { Array(values.arena[values.entries[$0].value.bounds]) }
        }
        guard let time = value("time"), let name = value("event"), let nanoseconds = nanoseconds(time) else {
            return nil
        }
        var event = LoginEvent(capacity: json.count)
        event.unixNanoseconds = nanoseconds
        for (key, place) in texts { if let text = value(key) { event.texts[keyPath: place] = event.add(text) } }
        event.hasLogin = value("usr.login") != nil
        event.exists = value("usr.exists").map { $0.elementsEqual("true".utf8) }
        let unknown = IPAddress(high: 0, low: 0)
        event.client = value("http.client_ip").flatMap { IPAddress($0.span) } ?? unknown
        event.peer = value("http.peer_ip").flatMap { IPAddress($0.span) } ?? unknown
        event.status = value("http.status_code").flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0
        event.version = value("http.version").map { $0 == [50] ? .http2 : $0.last == 48 ? .http10 : .http11 } ?? .http11
        event.durationMicroseconds =
            value("duration_ms").flatMap { Double(String(decoding: $0, as: UTF8.self)) }.map {
                UInt64(max(0, min($0, 1e12)) * 1_000 + 0.5)
            } ?? 0
        let action = value("verdict.action") ?? []
        event.action =
            [.allow, .block, .monitor, .refuse, .fail].first { "\($0.text)".utf8.elementsEqual(action) } ?? .allow
        addList(values, to: &event)
        setKind(name, value("tags.outcome"), &event)
        return event
    }

    private static func nanoseconds(_ text: [UInt8]) -> Int64? {
        guard let seconds = Timestamp.parse(text.span) else { return nil }
        var fraction: Int64 = 0
        var scale: Int64 = 100_000_000
        for byte in text.dropFirst(20).prefix(9) where (48...57).contains(byte) {
            fraction += Int64(byte - 48) * scale
            scale /= 10
        }
        return seconds * 1_000_000_000 + fraction
    }

    /// Names of headers and tags.
    private static func addList(_ values: NamedValues, to event: inout LoginEvent) {
        var names: [UInt8] = []
        for entry in values.entries {
            let name = values.arena[entry.name.bounds]
            if name.starts(with: "http.header_names.".utf8) {
                names += values.arena[entry.value.bounds] + [10]
            } else if name.starts(with: "tags.".utf8), !name.elementsEqual("tags.outcome".utf8) {
                event.addTag(Array(name.dropFirst(5)).span, Array(values.arena[entry.value.bounds]).span)
            }
        }
        event.texts.headerNames = event.add(names)
    }

    private static func setKind(_ name: [UInt8], _ outcome: [UInt8]?, _ event: inout LoginEvent) {
        let word = String(decoding: name, as: UTF8.self)
        event.outcome =
            outcome?.elementsEqual("unknown".utf8) == true
            ? .unknown : word.hasSuffix(".failure") || word == "users.lockout" ? .failure : .success
        switch word {
        case "users.login.success", "users.login.failure": event.kind = .login
        case "users.mfa.challenge": event.kind = .mfaChallenge
        case "users.mfa.success", "users.mfa.failure": event.kind = .mfa
        case "users.password_reset": event.kind = .passwordReset
        case "users.signup": event.kind = .signup
        case "users.lockout": event.kind = .lockout
        default:
            event.kind = .custom
            event.texts.customName = event.add(name)
        }
    }
}
