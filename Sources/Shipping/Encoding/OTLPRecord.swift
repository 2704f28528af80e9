// SPDX-License-Identifier: Apache-2.0
import Wire

/// A login event as an OpenTelemetry log record, before it is written in one of the two encodings. A value.
struct OTLPRecord: Sendable {
    enum Value: Equatable, Sendable {
        case string([UInt8])
        case integer(Int64)
        case boolean(Bool)
        case double(Double)
        case strings([[UInt8]])
    }

    var service: [UInt8] = []
    var unixNanoseconds: UInt64 = 0
    /// As the native form says it: "users.login.failure".
    var name: [UInt8] = []
    var isSuccess = false
    var isBlocked = false
    var isUnknown = false
    var attributes: [(key: [UInt8], value: Value)] = []

    private var isLogin: Bool { name.starts(with: "users.login.".utf8) }
    /// A password or a second factor was tried; a sign-up or a reset has no outcome.
    private var hasOutcome: Bool { isSuccess || name.suffix(8).elementsEqual(".failure".utf8) }
    private var isWarning: Bool { hasOutcome ? !isSuccess : name.elementsEqual("users.lockout".utf8) }

    var severityNumber: Int { isBlocked ? 14 : isWarning ? 13 : 9 }
    var severityText: StaticString { isBlocked ? "WARN2" : isWarning ? "WARN" : "INFO" }
    /// For a human: what a login came to, else the event's name.
    var body: [UInt8] { isLogin ? Array((isSuccess ? "login success" : "login failure").utf8) : name }
    /// `loginward.login`, `loginward.mfa.challenge`, `loginward.signup` and so on.
    var eventName: [UInt8] {
        if isLogin { return Array("loginward.login".utf8) }
        let prefix = Array("users.".utf8)
        return Array("loginward.".utf8) + (name.starts(with: prefix) ? name.dropFirst(prefix.count) : name[...])
    }

    /// Native names and those of the semantic conventions 1.44, where a convention exists.
    private static let names: [String: String] = [
        "id": "loginward.event_id", "route": "loginward.route", "request_id": "loginward.request_id",
        "blocked": "loginward.blocked", "usr.login": "user.name", "usr.id": "user.id",
        "usr.exists": "loginward.login.user_exists", "http.client_ip": "client.address",
        "http.peer_ip": "network.peer.address", "http.method": "http.request.method", "http.path": "url.path",
        "http.host": "server.address", "http.status_code": "http.response.status_code",
        "http.user_agent": "user_agent.original", "http.version": "network.protocol.version",
        "tls.version": "tls.protocol.version", "tls.cipher": "tls.cipher", "tls.server_name": "tls.client.server_name",
        "duration_ms": "loginward.duration_ms", "verdict.action": "loginward.verdict",
        "verdict.rule": "security_rule.uuid", "verdict.reason": "loginward.verdict.reason",
    ]

    /// nil when the line is no JSON object that the reader takes.
    init?(line: [UInt8], scratch: inout NamedValues) {
        scratch.reset()
        do throws(ContentError) {
            try JSONReader.read(line.span, into: &scratch)
        } catch {
            return nil
        }
        var headerNames: [[UInt8]] = []
        for index in scratch.entries.indices {
            let entry = scratch.entries[index]
            let value = Array(scratch.arena[Int(entry.value.start)..<Int(entry.value.end)])
            let name = String(decoding: scratch.arena[Int(entry.name.start)..<Int(entry.name.end)], as: UTF8.self)
            if name.hasPrefix("http.header_names.") { headerNames.append(value) } else { take(name, value, entry.kind) }
        }
        if !headerNames.isEmpty {
            attributes.append((Array("loginward.http.header_names".utf8), .strings(headerNames)))
        }
        if hasOutcome {
            attributes.append(
                (
                    Array("loginward.login.outcome".utf8),
                    .string(Array((isUnknown ? "unknown" : isSuccess ? "success" : "failure").utf8))
                ))
        }
    }

    private mutating func take(_ key: String, _ value: [UInt8], _ kind: NamedValues.Kind) {
        switch key {
        case "service": service = value
        case "time": unixNanoseconds = Self.nanoseconds(value)
        case "event":
            name = value
            isSuccess = value.suffix(8).elementsEqual(".success".utf8)
        default:
            if key == "tags.outcome" { isUnknown = value.elementsEqual("unknown".utf8) }
            if key == "blocked" { isBlocked = value.elementsEqual("true".utf8) }
            let attribute: String
            if let known = Self.names[key] {
                attribute = known
            } else if key.hasPrefix("fingerprint.") || key.hasPrefix("tags.") {
                attribute = "loginward." + key
            } else {
                return
            }
            switch kind {
            case .null: return
            case .boolean: attributes.append((Array(attribute.utf8), .boolean(value.first == UInt8(ascii: "t"))))
            case .number:
                let text = String(decoding: value, as: UTF8.self)
                if key != "duration_ms", let number = Int64(text) {
                    attributes.append((Array(attribute.utf8), .integer(number)))
                } else if let number = Double(text), number.isFinite {
                    attributes.append((Array(attribute.utf8), .double(number)))
                }
            case .string, .fileName: attributes.append((Array(attribute.utf8), .string(value)))
            }
        }
    }

    /// Nanoseconds since 1970 of an RFC 3339 time; 0, OTLP's "unknown", when it is none.
    static func nanoseconds(_ text: [UInt8]) -> UInt64 {
        guard let seconds = Timestamp.parse(text.span), let positive = UInt64(exactly: seconds) else { return 0 }
        var fraction: UInt64 = 0
        if text[19] == UInt8(ascii: ".") {
            var unit: UInt64 = 100_000_000
            var index = 20
            while index < text.count, text[index] >= 48, text[index] <= 57 {
                fraction += UInt64(text[index] - 48) * unit
                unit /= 10
                index += 1
            }
        }
        let (product, overflow) = positive.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? 0 : product &+ fraction
    }
}
