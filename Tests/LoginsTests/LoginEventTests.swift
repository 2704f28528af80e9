// SPDX-License-Identifier: Apache-2.0
import Testing
import Wire

@testable import Logins

struct LoginEventTests {
    private func values(_ event: LoginEvent) throws -> [String: String] {
        let line = event.line
        var values = NamedValues()
        try JSONReader.read(line.span, into: &values)
        return Dictionary(
            uniqueKeysWithValues: values.entries.map {
                (
                    String(decoding: values.arena[$0.name.bounds], as: UTF8.self),
                    String(decoding: values.arena[$0.value.bounds], as: UTF8.self)
                )
            })
    }

    @Test func `what is known stands under the names of the contract`() throws {
        var event = LoginEvent(capacity: 256)
        event.unixNanoseconds = 1_795_521_600_123_456_000
        event.outcome = .success
        event.exists = true
        event.hasLogin = true
        event.client = try #require(IPAddress("203.0.113.9"))
        event.status = 302
        event.durationMicroseconds = 12_345
        event.texts.id = event.add(Array("01ABC".utf8))
        event.texts.service = event.add(Array("sso".utf8))
        event.texts.route = event.add(Array("web".utf8))
        event.texts.login = event.add(Array("al\"ice\u{0}".utf8) + [0xff])
        event.texts.userID = event.add(Array("42".utf8))
        event.texts.headerNames = event.add(Array("Host\nUser-Agent".utf8))
        event.addTag(Array("k".utf8).span, Array("v".utf8).span)
        let values = try values(event)
        #expect(values["time"] == "2026-11-24T12:00:00.123456Z")
        #expect(
            values["event"] == "users.login.success" && values["id"] == "01ABC" && values["service"] == "sso"
                && values["route"] == "web")
        #expect(
            values["usr.login"] == "al\"ice\u{0}\u{fffd}" && values["usr.id"] == "42" && values["usr.exists"] == "true")
        #expect(
            values["http.client_ip"] == "203.0.113.9" && values["http.status_code"] == "302"
                && values["http.header_names.1"] == "User-Agent")
        #expect(values["blocked"] == "false" && values["verdict.action"] == "allow" && values["tags.k"] == "v")
        #expect(values["duration_ms"] == "12.345")
    }

    @Test func `what is unknown is absent`() throws {
        let values = try values(LoginEvent(capacity: 0))
        for name in [
            "usr.login", "usr.id", "usr.exists", "http.user_agent", "http.status_code", "tls.version", "verdict.rule",
        ] {
            #expect(values[name] == nil, "\(name)")
        }
        #expect(values["tags.outcome"] == "unknown")
    }

    @Test func `an empty name that was typed is an empty name, and a blocked attempt is a failure`() throws {
        var event = LoginEvent(capacity: 0)
        event.hasLogin = true
        event.outcome = .success
        event.action = .block
        let values = try values(event)
        #expect(values["usr.login"] == "" && values["event"] == "users.login.failure" && values["blocked"] == "true")
    }

    @Test(arguments: [
        (EventKind.login, "users.login.success", "users.login.failure", "users.login.failure"),
        (.mfaChallenge, "users.mfa.challenge", "users.mfa.challenge", "users.login.failure"),
        (.mfa, "users.mfa.success", "users.mfa.failure", "users.mfa.failure"),
        (.passwordReset, "users.password_reset", "users.password_reset", "users.password_reset"),
        (.signup, "users.signup", "users.signup", "users.signup"),
        (.lockout, "users.lockout", "users.lockout", "users.login.failure"),
        (.custom, "payment.failure", "payment.failure", "payment.failure"),
    ])
    func `kind, outcome and block make the name`(_ kind: EventKind, _ good: String, _ bad: String, _ blocked: String) {
        var event = LoginEvent(capacity: 64)
        event.kind = kind
        event.texts.customName = event.add(Array("payment.failure".utf8))
        event.outcome = .success
        #expect(String(decoding: event.name, as: UTF8.self) == good)
        event.action = .block
        #expect(String(decoding: event.name, as: UTF8.self) == blocked)
        event.action = .allow
        event.outcome = .failure
        #expect(String(decoding: event.name, as: UTF8.self) == bad)
    }
}
