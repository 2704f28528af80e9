// SPDX-License-Identifier: Apache-2.0
import Logins
import Notify
import Testing
import Wire

@testable import Config

struct NotificationReaderTests {
    private func read(_ target: String, files: [String: String] = [:]) -> (
        targets: [NotificationTarget], problems: [String]
    ) {
        var all = files
        all["/etc/gate.yaml"] = """
            version: 1
            listeners: [{ address: "127.0.0.1:8080" }]
            services: [{ name: sso, upstream: { servers: ["http://127.0.0.1:9000"] } }]
            notifications: [\(target)]

            """
        let environment = ReadingEnvironment(
            read: { path in all[path].map { .success(Array($0.utf8)) } ?? .failure(FileTrouble("No such file")) },
            glob: { _ in [] }, variable: { _ in nil })
        let read = ConfigurationReader.read(path: "/etc/gate.yaml", environment)
        return (read.draft?.notifications ?? [], read.problems.map { "\($0.place.line):\($0.place.column) \($0.what)" })
    }

    @Test func `a target has safe defaults and its secrets from files`() throws {
        let (targets, problems) = read(
            "{ name: hook, type: webhook, url_file: url, secret_file: key }",
            files: ["/etc/url": "https://a/b\n", "/etc/key": "whsec_MDEyMzQ1Njc4OWFiY2RlZg==\n"])
        #expect(problems.isEmpty)
        let target = try #require(targets.first)
        #expect(target.minimum == .medium && target.events == [.opened, .escalated, .closed, .compromised])
        guard case .webhook(let webhook) = target.kind else {
            Issue.record("no webhook")
            return
        }
        #expect(webhook.url == "https://a/b" && webhook.secret == Array("0123456789abcdef".utf8))
    }

    @Test func `types of signals have minimums of their own`() throws {
        let (targets, _) = read(
            "{ name: a, type: slack, url: \"https://a\", on: [closed], signals: { recon: never, slow: low } }")
        #expect(targets[0].minimums == [.recon: .never, .slow: .low] && targets[0].events == [.closed])
    }

    @Test(arguments: [
        ("{ name: a, type: slack }", #"4:17 notifications[0] needs "url" or "url_file""#),
        ("{ name: a, type: slack, url: \"ftp://secret\" }", "4:46 notifications[0].url is not an http or https URL"),
        (
            "{ name: a, type: slack, url: \"http://a\", on: [open] }",
            #"4:63 "open" is nothing that happens to a signal"#
        ),
        (
            "{ name: a, type: webhook, url: \"http://a\", secret: short }",
            "4:68 a secret must have at least 16 bytes"
        ),
        (
            "{ name: a, type: webhook, url: \"http://a\", template: \"$SIGNAL\" }",
            "4:70 there is no variable $SIGNAL"
        ),
        (
            "{ name: a, type: webhook, url: \"http://a\", template: \"[$ID]\" }",
            "4:70 this template gives no JSON"
        ),
        (
            "{ name: a, type: email, server: \"smtp://m\", from: \"a@b\", to: [\"x@y\\r\\nRCPT\"] }",
            "4:79 \"x@y\r\nRCPT\" is no mail address"
        ),
        (
            "{ name: a, type: email, server: m, from: a@b, to: a@b }",
            #"4:49 "m" is no mail server"#
        ),
        (
            "{ name: a, type: email, server: \"smtp://m\", starttls: off, username: u, password: p, from: a@b, to: a@b }",
            "4:71 a password must not go out without encryption"
        ),
    ])
    func `a mistake is shown where it stands`(text: String, problem: String) {
        #expect(read(text).problems == [problem])
    }

    @Test func `two of one name, and a name that is no file, are refused`() {
        let target = "{ name: a/b, type: slack, url: \"http://a\" }"
        #expect(read("\(target), \(target)").problems.count == 3)
    }
}
