// SPDX-License-Identifier: Apache-2.0
import Patterns
import Testing
import Wire

@testable import Logins

struct OutcomeTestTests {
    private func route(
        success: [OutcomeTest] = [], failure: [OutcomeTest] = [], existsWhen: [OutcomeTest] = [],
        unknownWhen: [OutcomeTest] = []
    ) -> LoginRoute {
        LoginRoute(
            name: "web", method: "POST", path: .exact(Array("/login".utf8)), user: .basic, success: success,
            failure: failure,
            existsWhen: existsWhen, unknownWhen: unknownWhen, userID: nil)
    }

    private func read(_ route: LoginRoute, _ text: String, body: String = "") throws -> LoginReading {
        let bytes = Array(text.utf8)
        var head = ResponseHead()
        var progress = HeadProgress()
        #expect(try HeadParser.parseResponse(bytes.span, limits: HeadLimits(), progress: &progress, into: &head))
        var values = NamedValues()
        if body.hasPrefix("{") { try JSONReader.read(Array(body.utf8).span, into: &values) }
        return route.readOutcome(head, bytes.span, body: Array(body.utf8).span, values: values)
    }

    private func status(_ codes: Int...) -> OutcomeTest {
        var test = OutcomeTest()
        test.statuses = codes.map { $0...$0 }
        return test
    }

    private func answer(_ status: Int, _ fields: String...) -> String {
        "HTTP/1.1 \(status) X\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n"
    }

    @Test func `without tests the status tells`() throws {
        let plain = route()
        #expect(try read(plain, answer(200)).outcome == .success)
        #expect(try read(plain, answer(302)).outcome == .success)
        #expect(try read(plain, answer(401)).outcome == .failure)
        #expect(try read(plain, answer(403)).outcome == .failure)
        #expect(try read(plain, answer(500)).outcome == .unknown)
    }

    @Test func `one declared side makes the other its complement, two leave room for unknown`() throws {
        #expect(try read(route(success: [status(200)]), answer(500)).outcome == .failure)
        #expect(try read(route(failure: [status(401)]), answer(200)).outcome == .success)
        let both = route(success: [status(200)], failure: [status(401)])
        #expect(try read(both, answer(200)).outcome == .success)
        #expect(try read(both, answer(401)).outcome == .failure)
        #expect(try read(both, answer(503)).outcome == .unknown)
    }

    @Test func `headers, cookies, body text and JSON tell`() throws {
        var header = OutcomeTest()
        header.header = (Array("location".utf8), .regex(try Pattern("^/home", caseInsensitive: false)))
        #expect(try read(route(success: [header]), answer(302, "Location: /home/x")).outcome == .success)
        #expect(try read(route(success: [header]), answer(302, "Location: /login?error")).outcome == .failure)
        var cookie = OutcomeTest()
        cookie.setCookie = Array("sid".utf8)
        #expect(
            try read(route(success: [cookie]), answer(200, "Set-Cookie: a=b", "Set-Cookie: sid=1; Path=/")).outcome
                == .success)
        #expect(try read(route(success: [cookie]), answer(200, "Set-Cookie: sid=; Max-Age=0")).outcome == .failure)
        var text = OutcomeTest()
        text.body = .contains(Array("wrong password".utf8))
        #expect(try read(route(failure: [text]), answer(200), body: "<p>wrong password</p>").outcome == .failure)
        #expect(try read(route(failure: [text]), answer(200), body: "<p>welcome</p>").outcome == .success)
        var json = OutcomeTest()
        json.json = (Array("error.code".utf8), .equals(Array("bad".utf8)))
        #expect(try read(route(failure: [json]), answer(200), body: #"{"error":{"code":"bad"}}"#).outcome == .failure)
        #expect(try read(route(failure: [json]), answer(200), body: #"{"error":null}"#).outcome == .success)
    }

    @Test func `all parts of one test must hold`() throws {
        var test = status(200)
        test.body = .contains(Array("ok".utf8))
        #expect(try read(route(success: [test]), answer(200), body: "ok").outcome == .success)
        #expect(try read(route(success: [test]), answer(200), body: "no").outcome == .failure)
        #expect(try read(route(success: [test]), answer(201), body: "ok").outcome == .failure)
    }

    @Test func `whether the user exists is told by the sign, its absence or a success`() throws {
        var sign = OutcomeTest()
        sign.body = .contains(Array("no such user".utf8))
        let route = route(failure: [status(401)], unknownWhen: [sign])
        #expect(try read(route, answer(401), body: "no such user").exists == false)
        #expect(try read(route, answer(401), body: "wrong password").exists == true)
        #expect(try read(self.route(failure: [status(401)]), answer(401)).exists == nil)
        #expect(try read(self.route(failure: [status(401)]), answer(200)).exists == true)
    }

    @Test func `a second factor that is asked for and a locked account come before success and failure`() throws {
        var factor = status(200)
        factor.body = .contains(Array("otp".utf8))
        var lock = OutcomeTest()
        lock.body = .contains(Array("locked".utf8))
        let route = LoginRoute(
            name: "web", method: nil, path: .prefix([]), user: .nowhere, success: [status(302)], failure: [status(200)],
            existsWhen: [], unknownWhen: [], userID: nil, challenge: [factor], locked: [lock])
        func reading(_ body: String) throws -> LoginReading { try read(route, answer(200), body: body) }
        #expect(try reading("otp").kind == .mfaChallenge && reading("otp").outcome == .success)
        #expect(try reading("locked").kind == .lockout && reading("locked").outcome == .failure)
        #expect(try reading("no").kind == .login && reading("no").outcome == .failure)
    }

    @Test func `the user's id may stand in a token`() throws {
        let payload = "eyJzdWIiOiJ1LTciLCJhIjp7ImIiOjR9fQ"
        let body = Array(#"{"t":{"access":"h.\#(payload).s"},"bad":"h.*.s"}"#.utf8)
        var values = NamedValues()
        try JSONReader.read(body.span, into: &values)
        func id(_ path: String, _ claim: String) -> String {
            let route = LoginRoute(
                name: "web", method: nil, path: .prefix([]), user: .nowhere, success: [], failure: [], existsWhen: [],
                unknownWhen: [], userID: .token(path: Array(path.utf8), claim: Array(claim.utf8)))
            var out: [UInt8] = []
            route.readUserID(ResponseHead(), [UInt8]().span, values: values, into: &out)
            return String(decoding: out, as: UTF8.self)
        }
        #expect(id("t.access", "sub") == "u-7" && id("t.access", "a.b") == "4")
        #expect(id("t.access", "no") == "" && id("bad", "sub") == "" && id("gone", "sub") == "")
    }
}
