// SPDX-License-Identifier: Apache-2.0
import Logins
import Testing
import Wire

@testable import Notify

struct FormatTests {
    private var notice: Notice {
        var notice = Notice(
            .compromised, id: "gate/signal-0001/1000/compromised-0-2", unixSeconds: 1_700_000_000, host: "gate",
            signal: "signal-0001", incident: "gate/signal-0001/1000", type: .distributedCredentialStuffing,
            severity: .critical)
        notice.attempts = 500
        notice.compromised = 2
        notice.traits = ["user-agent is curl/8.0"]
        notice.people = [
            .init(
                login: Array("ada <!channel> [x](http://evil) \u{1b}[31m\u{202e}".utf8), id: Array("42".utf8),
                address: "192.0.2.7"),
            .init(login: [0x62, 0xff, 0x6f, 0x62]),
        ]
        return notice
    }

    private func values(_ body: [UInt8]) throws -> [String: String] {
        var values = NamedValues()
        try JSONReader.read(body.span, into: &values)
        var texts: [String: String] = [:]
        for entry in values.entries {
            texts[String(decoding: values.arena[entry.name.bounds], as: UTF8.self)] = String(
                decoding: values.arena[entry.value.bounds], as: UTF8.self)
        }
        return texts
    }

    private func message(_ kind: NotificationTarget.Kind, _ notice: Notice) throws -> NoticeMessage {
        try #require(
            NotificationTarget(name: "t", kind: kind).message(for: notice.json, unixSeconds: 1_700_000_100))
    }

    @Test func `a notice reads back as it was written, but for bytes that are no text`() throws {
        var read = try #require(Notice(json: notice.json))
        #expect(read.people[1].login == Array("b\u{fffd}ob".utf8))
        read.people[1] = notice.people[1]
        #expect(read == notice)
        #expect(Notice(json: Array("{}".utf8)) == nil && Notice(json: []) == nil)
        #expect(Notice(json: Array(notice.json.dropLast())) == nil)
    }

    @Test func `what Slack gets mentions nobody and links nowhere`() throws {
        let texts = try values(try message(.slack(url: "http://x"), notice).body)
        #expect(texts["text"] == "2 accounts taken: distributed credential stuffing (signal-0001)")
        #expect(texts["attachments.0.blocks.0.text.type"] == "plain_text")
        #expect(texts["attachments.0.color"] == "#d00000")
        let block = try #require(texts["attachments.0.blocks.0.text.text"])
        #expect(
            block.contains("id 42, last from 192.0.2.7") && !block.contains("\u{1b}") && !block.contains("\u{202e}"))
    }

    @Test func `a card of Teams shows names as they are and not as Markdown`() throws {
        let texts = try values(try message(.teams(url: "http://x"), notice).body)
        #expect(texts["attachments.0.contentType"] == "application/vnd.microsoft.card.adaptive")
        #expect(texts["attachments.0.content.type"] == "AdaptiveCard")
        let facts = texts.filter { $0.key.contains("facts") }.values.joined(separator: " ")
        #expect(facts.contains("\\[x\\]\\(http://evil\\)") && !facts.contains("[x]("))
    }

    @Test func `all notices of an attack are one incident of PagerDuty, which its end resolves`() throws {
        let target = NotificationTarget.Kind.pagerDuty(url: "http://x", routingKey: "R0")
        let texts = try values(try message(target, notice).body)
        #expect(texts["routing_key"] == "R0" && texts["event_action"] == "trigger")
        #expect(texts["dedup_key"] == "gate/signal-0001/1000" && texts["payload.severity"] == "critical")
        #expect(texts["payload.timestamp"] == "2023-11-14T22:13:20.000000Z" && texts["payload.source"] == "gate")
        var end = notice
        end.kind = .closed
        let last = try values(try message(target, end).body)
        #expect(last["event_action"] == "resolve" && last["dedup_key"] == texts["dedup_key"])
    }

    @Test func `a mail has a head without an attacker's words, and short lines`() throws {
        let mailbox = NotificationTarget.Mailbox(server: "smtp://x", from: "gate@example.com", to: ["a@b.c", "d@e.f"])
        let text = String(decoding: try message(.email(mailbox), notice).body, as: UTF8.self)
        let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
        let head = lines.prefix { !$0.isEmpty }
        #expect(head.contains("Subject: [Loginward] 2 accounts taken: distributed credential stuffing (signal-0001)"))
        #expect(head.contains("Date: Tue, 14 Nov 2023 22:13:20 +0000"))
        #expect(!head.joined().contains("evil") && lines.allSatisfy { $0.utf8.count <= 78 || head.contains($0) })
        var body: [UInt8] = []
        #expect(Base64.decode(Array(lines.dropFirst(head.count + 1).joined().utf8).span, into: &body))
        #expect(String(decoding: body, as: UTF8.self).contains("Account: ada <!channel>"))
    }

    @Test func `a webhook gets the notice signed, as the test vector of the standard has it`() throws {
        // The example of the specification: the key, the id and the time of standardwebhooks.com.
        var key: [UInt8] = []
        #expect(Base64.decode(Array("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".utf8).span, into: &key))
        let signed = Array("msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}".utf8)
        let code = Base64.encode(MessageCode.sha256(of: signed, key: key))
        #expect(String(decoding: code, as: UTF8.self) == "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        var webhook = NotificationTarget.Webhook(url: "http://x")
        webhook.secret = key
        let message = try message(.webhook(webhook), notice)
        #expect(message.body == notice.json)
        #expect(message.fields.contains(.init("webhook-id", notice.id)))
        #expect(message.fields.contains(.init("webhook-timestamp", "1700000100")))
    }

    @Test func `a template is filled with JSON and with text that cannot leave its quotes`() throws {
        let template = try Template(
            #"{"s":"$SECURITY_SIGNAL_SEVERITY","m":"$SECURITY_SIGNAL_MSG","a":$SECURITY_SIGNAL_ATTRIBUTES,"p":"$$5 $x"}"#
        )
        #expect(template.makesJSON)
        let texts = try values(template.fill(notice, attributes: notice.json))
        #expect(texts["s"] == "critical" && texts["a.usr.id.0"] == "42" && texts["p"] == "$5 $x")
        #expect(throws: Template.Trouble(variable: "SECURITY_RULE")) { try Template("$SECURITY_RULE") }
        #expect(try !Template(#"{"a":"$SECURITY_SIGNAL_ATTRIBUTES"}"#).makesJSON)
    }

    @Test func `a target gets what it asked for, from its least severity on, and a test always`() {
        var target = NotificationTarget(name: "t", kind: .slack(url: "http://x"))
        var notice = notice
        #expect(target.wants(notice))
        notice.kind = .targeted
        #expect(!target.wants(notice))
        target.events = [.targeted]
        target.minimum = .critical
        notice.severity = .high
        #expect(!target.wants(notice))
        target.minimums = [notice.type: .low]
        #expect(target.wants(notice))
        target.minimums = [notice.type: .never]
        notice.severity = .critical
        #expect(!target.wants(notice) && target.wants(.test(id: "1", unixSeconds: 0, host: "h")))
    }

    @Test(arguments: ["", "f", "fo", "foo", "foob", "fooba", "foobar"])
    func `base64 comes back`(text: String) {
        var back: [UInt8] = []
        let encoded = Base64.encode(Array(text.utf8))
        #expect(encoded.count % 4 == 0 && Base64.decode(encoded.span, into: &back) && back == Array(text.utf8))
    }
}
