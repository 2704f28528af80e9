// SPDX-License-Identifier: Apache-2.0
import Testing
import Wire

@testable import Logins

struct DeclaredEventTests {
    private func read(_ text: String) -> (events: [DeclaredEvent], isGood: Bool) {
        var events: [DeclaredEvent] = []
        let isGood = DeclaredEventReader.read(Array(text.utf8).span, into: &events)
        return (events, isGood)
    }

    @Test func `names, properties and quoted values are read`() throws {
        let (events, isGood) = read(
            #"users.login.failure; usr.login="a\";b, c" ; usr.exists=false;why=expired, users.signup;usr.id=9"#)
        #expect(isGood && events.count == 2)
        let first = try #require(events.first)
        #expect(first.kind == .login && first.outcome == .failure && first.exists == false)
        #expect(first.login == Array("a\";b, c".utf8))
        #expect(first.tags == [.init(name: Array("why".utf8), value: Array("expired".utf8))])
        #expect(events[1].kind == .signup && events[1].userID == Array("9".utf8))
    }

    @Test(arguments: [
        "Bad Name", "users.login.failure; usr.exists=perhaps", "a; =x", "a; b=\"open", "a; b=\"x\" y", "a; word",
        String(repeating: "a,", count: 20),
    ])
    func `what is no event is said and left out`(_ text: String) { #expect(!read(text).isGood) }

    @Test func `an attempt is decided by some events and not by others`() {
        #expect(read("users.login.success, users.lockout, users.mfa.failure").events.allSatisfy { $0.decides })
        #expect(!read("users.signup, users.password_reset, payment.failure").events.contains { $0.decides })
    }

    @Test func `a report is an object, an array or lines, whole or not at all`() throws {
        func read(_ text: String) throws(ReportProblem) -> [LoginEvent] {
            try ReportReader.read(Array(text.utf8), services: ["sso"], unixNanoseconds: 7)
        }
        let one =
            #"{"event":"users.login.failure","usr":{"login":"ada","exists":false},"http":{"client_ip":"203.0.113.9"}}"#
        #expect(try read(one).count == 1)
        #expect(try read("[\(one),\(one)]").count == 2)
        #expect(try read("\(one)\n\(one)\n\(one)\n").count == 3)
        #expect(try read("{\n\"event\":\n\"a\"\n}").count == 1)
        let event = try read(one)[0]
        #expect(event.exists == false && event.client == IPAddress("203.0.113.9") && event.unixNanoseconds == 7)
        for bad in [
            "", "{", "[]", #"{"event":"a","service":"x"}"#, #"[{"event":"a"},{"event":"B"}]"#,
            #"{"event":"a","password":"x"}"#,
        ] {
            #expect(throws: ReportProblem.self) { try read(bad) }
        }
    }
}
