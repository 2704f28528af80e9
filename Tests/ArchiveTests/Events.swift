// SPDX-License-Identifier: Apache-2.0
import Logins
import Testing
import Wire

/// Events for the tests of this target.
enum Events {
    static func event(_ id: String, login: String?, client: String, seconds: Int64) throws -> LoginEvent {
        var event = LoginEvent(capacity: 64)
        event.texts.id = event.add(Array(id.utf8).span)
        event.texts.service = event.add(Array("sso".utf8).span)
        if let login {
            event.texts.login = event.add(Array(login.utf8).span)
            event.hasLogin = true
        }
        event.client = try #require(IPAddress(client))
        event.unixNanoseconds = seconds * 1_000_000_000
        event.outcome = .failure
        return event
    }

    /// An event of which little is left out; which, `random` says.
    static func any(_ id: Int, _ random: inout some RandomNumberGenerator) throws -> LoginEvent {
        let clients = ["203.0.113.9", "203.0.113.200", "198.51.100.7", "2001:db8::1", "2001:db8:1::9", "0.0.0.0", "::"]
        let logins = ["alice", "bob", "al*ce", "al[i]ce", "ALICE", "", "ann\u{e9}", "x?y"]
        let agents = ["python-requests/2.31", "Mozilla/5.0 (X11)", "curl/8.5.0", ""]
        var event = try event(
            "id-\(id)", login: Bool.random(using: &random) ? logins.randomElement(using: &random) : nil,
            client: clients.randomElement(using: &random) ?? "", seconds: 1_000_000 + Int64(id % 50) * 60)
        event.unixNanoseconds += Int64.random(in: 0..<1_000_000, using: &random) * 1_000
        event.peer =
            IPAddress(["127.0.0.1", "203.0.113.9", "0.0.0.0"].randomElement(using: &random) ?? "") ?? .loopback
        func add(_ place: WritableKeyPath<LoginEvent.Texts, ByteRange>, _ values: [String]) {
            guard let value = values.randomElement(using: &random), !value.isEmpty else { return }
            event.texts[keyPath: place] = event.add(Array(value.utf8))
        }
        add(\.route, ["login", "api", ""])
        add(\.userID, ["42", "", "4\"2"])
        add(\.method, ["POST"])
        add(\.path, ["/login", "/api/login"])
        add(\.host, ["a.example", ""])
        add(\.userAgent, agents)
        add(\.headerNames, ["host\nuser-agent\n", "host\naccept\n", ""])
        add(\.fingerprintHTTP, ["http-1", "http-2", ""])
        add(\.fingerprintSession, ["ssn-\(id)", ""])
        add(\.rule, ["r1", ""])
        add(\.reason, ["denylist", ""])
        add(\.requestID, ["req-\(id)", ""])
        add(\.tlsVersion, ["TLSv1.3", ""])
        event.kind = [.login, .login, .mfaChallenge, .signup, .lockout].randomElement(using: &random) ?? .login
        event.outcome = [.success, .failure, .unknown].randomElement(using: &random) ?? .failure
        event.action = [.allow, .block, .monitor, .refuse, .fail].randomElement(using: &random) ?? .allow
        event.exists = [true, false, nil].randomElement(using: &random) ?? nil
        event.version = [.http10, .http11, .http2].randomElement(using: &random) ?? .http11
        event.status = [0, 200, 302, 401].randomElement(using: &random) ?? 0
        event.durationMicroseconds = UInt64.random(in: 0..<3_000_000, using: &random)
        if id % 3 == 0 { event.addTag("attempt".utf8.span, Array("\(id)".utf8).span) }
        if id % 5 == 0 { event.addTag("sig\"nal".utf8.span, "signal-0001".utf8.span) }
        return event
    }
}
