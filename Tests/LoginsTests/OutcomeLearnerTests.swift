// SPDX-License-Identifier: Apache-2.0
import Testing
import Wire

@testable import Logins

struct OutcomeLearnerTests {
    private func shape(_ answer: String, body: String = "", request: String = "Cookie: sid=old") throws -> AnswerShape {
        let bytes = Array(answer.utf8)
        var response = ResponseHead()
        var progress = HeadProgress()
        #expect(try HeadParser.parseResponse(bytes.span, limits: HeadLimits(), progress: &progress, into: &response))
        let requestBytes = Array("POST /login HTTP/1.1\r\nHost: a\r\n\(request)\r\n\r\n".utf8)
        var head = RequestHead()
        var requestProgress = HeadProgress()
        _ = try HeadParser.parseRequest(
            requestBytes.span, limits: HeadLimits(), progress: &requestProgress, into: &head)
        var values = NamedValues()
        if body.hasPrefix("{") { try JSONReader.read(Array(body.utf8).span, into: &values) }
        return AnswerReader.shape(
            of: response, bytes.span, body: Array(body.utf8).span, values: values, to: head, requestBytes.span,
            path: Array("/login".utf8).span)
    }

    private func outcome(_ shape: AnswerShape) -> LoginOutcome {
        LearntOutcomes().read(shape, service: Array("s".utf8).span, route: Array("r".utf8).span).outcome
    }

    @Test func `what an answer looks like tells its outcome, or is left open`() throws {
        let away = try shape("HTTP/1.1 302 X\r\nLocation: https://a/home?x=1\r\nSet-Cookie: sid=new\r\n\r\n")
        #expect(away.signs == [.redirects, .setsCookie, .isEmpty] && outcome(away) == .success)
        #expect(
            outcome(try shape("HTTP/1.1 302 X\r\nLocation: /login?error\r\nSet-Cookie: sid=new\r\n\r\n")) == .failure)
        #expect(outcome(try shape("HTTP/1.1 401 X\r\n\r\n")) == .failure)
        #expect(outcome(try shape("HTTP/1.1 200 X\r\n\r\n", body: #"{"access_token":"a"}"#)) == .success)
        #expect(outcome(try shape("HTTP/1.1 200 X\r\n\r\n", body: #"{"error":"bad"}"#)) == .failure)
        #expect(outcome(try shape("HTTP/1.1 200 X\r\n\r\n", body: #"{"csrf_token":"a","error":null}"#)) == .unknown)
        let form = try shape("HTTP/1.1 200 X\r\nContent-Type: text/html\r\n\r\n", body: #"<input type="password">"#)
        #expect(outcome(form) == .failure)
        #expect(outcome(try shape("HTTP/1.1 200 X\r\n\r\n", body: "ok")) == .unknown)
        #expect(outcome(try shape("HTTP/1.1 500 X\r\n\r\n")) == .unknown)
    }

    @Test func `a cookie that the client has, or that is against forgery, is no new session`() throws {
        #expect(!(try shape("HTTP/1.1 200 X\r\nSet-Cookie: sid=old; Path=/\r\n\r\n")).signs.contains(.setsCookie))
        #expect(!(try shape("HTTP/1.1 200 X\r\nSet-Cookie: csrftoken=n\r\n\r\n")).signs.contains(.setsCookie))
        #expect(!(try shape("HTTP/1.1 200 X\r\nSet-Cookie: sid=; Max-Age=0\r\n\r\n")).signs.contains(.setsCookie))
    }

    @Test func `numbers in a redirect do not make another shape, another place does`() throws {
        let one = try shape("HTTP/1.1 302 X\r\nLocation: /u/17\r\n\r\n")
        #expect(one == (try shape("HTTP/1.1 302 X\r\nLocation: /u/4242?q\r\n\r\n")))
        #expect(one != (try shape("HTTP/1.1 302 X\r\nLocation: /v/17\r\n\r\n")))
    }

    @Test func `who tries again had failed`() throws {
        var learner = OutcomeLearner()
        let (bad, good) = (
            AnswerShape(status: 200, signs: [], length: 4), AnswerShape(status: 200, signs: [], length: 9)
        )
        for name in 0..<10 {
            learner.take(bad, name: UInt64(name), unixSeconds: 100)
            learner.take(good, name: UInt64(name), unixSeconds: 105)
        }
        let outcomes = Dictionary(uniqueKeysWithValues: learner.clusters.map { ($0.shape, learner.outcome(of: $0)) })
        #expect(outcomes[bad]?.outcome == .failure && outcomes[good]?.outcome == .success)
        #expect((outcomes[good]?.confidence ?? 0) >= OutcomeLearner.confidence)
    }

    @Test func `an attacker who makes up answers' shapes does not fill the memory`() {
        var learner = OutcomeLearner()
        for number in 0..<10_000 {
            learner.take(
                AnswerShape(status: 200, signs: [], keys: UInt32(number)), name: UInt64(number), unixSeconds: 1)
        }
        #expect(learner.clusters.count == OutcomeLearner.shapeLimit)
    }

    @Test func `what is missing is noticed, and an attack does not set the measure`() {
        var alarm = DriftAlarm()
        var now: Int64 = 0
        for stretch in 0..<20 {
            // Two of twenty stretches are an attack in which nearly everything fails.
            let isAttack = stretch == 7 || stretch == 8
            for number in 0..<100 {
                alarm.take(number % 20 == 0 || isAttack && number > 1 ? .failure : .success, unixSeconds: now)
                now += 3
            }
            now += 1
        }
        #expect(alarm.alarm == nil)
        for _ in 0..<300 { alarm.take(.success, unixSeconds: now) }
        #expect(alarm.alarm == nil)
        for _ in 0..<200 { alarm.take(.success, unixSeconds: now) }
        #expect(alarm.alarm?.missing == .failure && (alarm.alarm?.expected ?? 0) >= 20)
        alarm.take(.failure, unixSeconds: now)
        #expect(alarm.alarm == nil)
    }
}
