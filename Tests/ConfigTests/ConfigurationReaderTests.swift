// SPDX-License-Identifier: Apache-2.0
import Testing
import Wire

@testable import Config

struct ConfigurationReaderTests {
    /// Reads `text` as /etc/gate.yaml, with these other files and variables.
    private func read(
        _ text: String, files: [String: String] = [:], variables: [String: String] = [:]
    ) -> (configuration: Configuration?, problems: [Problem]) {
        var all = files
        all["/etc/gate.yaml"] = text
        let environment = ReadingEnvironment(
            read: { path in all[path].map { .success(Array($0.utf8)) } ?? .failure(FileTrouble("No such file")) },
            glob: { pattern in all.keys.filter { $0.hasPrefix(pattern.prefix { $0 != "*" }) }.sorted() },
            variable: { variables[$0] })
        let read = ConfigurationReader.read(path: "/etc/gate.yaml", environment)
        return (read.configuration, read.problems)
    }

    private let start = """
        version: 1
        listeners: [{ address: "127.0.0.1:8080" }]
        services:
          - name: sso
            upstream: { servers: ["http://127.0.0.1:9000"] }

        """

    /// The problems of the smallest configuration with `more` behind it, as "line:column what".
    private func problems(_ more: String, files: [String: String] = [:], variables: [String: String] = [:]) -> [String]
    {
        read(start + more, files: files, variables: variables).problems.map {
            "\($0.place.line):\($0.place.column) \($0.what)"
        }
    }

    @Test func `the smallest configuration has safe defaults`() throws {
        let configuration = try #require(read(start).configuration)
        #expect(configuration.limits.headerTimeout == .seconds(10) && configuration.limits.head == 32 * 1024)
        #expect(configuration.limits.refusesOverBody && !configuration.monitorsOnly)
        #expect(configuration.clientAddress.trustedProxies.isEmpty && configuration.services[0].upstream.retries == 1)
        #expect(configuration.services[0].upstream.servers[0].authority == "127.0.0.1:9000")
    }

    @Test(arguments: [
        (
            "denylist: { files: [], on_shrink: panic }\n",
            #"6:35 on_shrink must be warn or error, not "panic""#
        ),
        ("overlay: { entries: 0 }\n", #"6:21 overlay.entries: "0" is not a number from 1 to 1000000"#),
        ("limts: {}\n", #"6:1 unknown key "limts""#),
        (
            "limits: { header_timeout: 10 }\n",
            #"6:27 limits.header_timeout: "10" is not a time such as 500ms, 30s, 5m, 12h or 7d"#
        ),
        ("limits: { minimum_body_rate: 2GiB }\n", "6:30 limits.minimum_body_rate must be at most 1GiB"),
        ("limits: { head: 1GiB }\n", "6:17 limits.head must be between 1KiB and 1024KiB"),
        ("limits: { head: 32k }\n", #"6:17 limits.head: "32k" is not a size such as 64KiB or 1MiB"#),
        ("limits: { http2_streams: 0 }\n", #"6:26 limits.http2_streams: "0" is not a number from 1 to 1000"#),
        ("mode: blok\n", #"6:7 mode must be block or monitor, not "blok""#),
        ("workers: many\n", "6:10 workers must be auto or a number from 1 to 512"),
        ("client_address: { trusted_proxies: [10.0.0.1/8] }\n", #"6:37 "10.0.0.1/8" has bits behind its prefix"#),
        ("client_address: { headers: [\"x y\"] }\n", #"6:29 "x y" is not a field name"#),
        ("admin: {}\n", #"6:8 admin needs "address""#),
        (
            "collectors: [{ name: a, type: otpl, url: \"http://a\" }]\n",
            #"6:31 collectors[0].type: "otpl" is not one of otlp, http, syslog, file"#
        ),
        (
            "collectors: [{ name: a, type: syslog, url: \"udp://a:514\" }]\n",
            #"6:44 "udp://a:514" is not tcp://HOST:PORT or tls://HOST:PORT"#
        ),
        (
            "collectors: [{ name: a, type: http, url: \"http://a\", schema: cef }]\n",
            "6:62 collectors of type http have no schema cef"
        ),
        ("collectors: [{ name: a, type: http, url: \"ftp://a\" }]\n", #"6:42 "ftp://a" is not an http or https URL"#),
        ("state_directory: \"${env:NOWHERE}\"\n", "6:18 the environment has no NOWHERE"),
        ("denylist: { files: [missing.txt] }\n", "6:21 cannot read /etc/missing.txt: No such file"),
        ("admin: &a { address: \"unix:/a\" }\nrequest_id: *a\n", "6:8 anchors and aliases are not read"),
    ]) func `a mistake is told with its place`(more: String, expected: String) {
        let found = problems(more)
        #expect(found.contains { $0.hasPrefix(expected) }, "\(found)")
    }

    @Test func `servers have weights and a way to balance`() throws {
        let text = start.replacing(
            #"servers: ["http://127.0.0.1:9000"]"#,
            with: #"servers: ["http://a:1 weight=3", "unix:/b c"], balance: cookie.sid, slow_start: 5s, health: {}"#)
        let upstream = try #require(read(text).configuration).services[0].upstream
        #expect(upstream.servers.map(\.weight) == [3, 1] && upstream.servers.map(\.host) == ["a", "/b c"])
        #expect(upstream.balance == .cookie("sid") && upstream.slowStart == .seconds(5))
        #expect(upstream.checksHealth && upstream.healthPath == nil)
    }

    @Test(arguments: [
        (#"["http://a:1 weight=0"]"#, "a weight is a number from 1 to 1000"), (#"["http://a b"]"#, "is not a server"),
        (#"["http://a"], balance: random"#, "is no way to balance"), (#"["http://a"], balance: cookie."#, "is no way"),
    ]) func `what is no weight and no way to balance is told`(servers: String, expected: String) {
        let found = read(start.replacing(#"["http://127.0.0.1:9000"]"#, with: servers)).problems
        #expect(found.count == 1 && found.allSatisfy { $0.what.contains(expected) && $0.place.line == 5 })
    }

    @Test func `all problems come at once`() {
        let found = read(
            "version: 2\nlisteners: [{ address: nowhere }]\nservices: [{ name: a, upstream: { servers: [\"ftp://x\"] }, hosst: [] }]\n"
        )
        #expect(found.configuration == nil)
        #expect(found.problems.count == 4, "\(found.problems)")
        #expect(found.problems.contains { $0.hint == "did you mean \"hosts\"?" })
    }

    @Test func `a key that stands twice is refused`() {
        #expect(problems("mode: block\nmode: monitor\n").contains { $0.contains("key \"mode\" stands twice") })
    }

    @Test func `variables are replaced in values, with defaults`() throws {
        let configuration = try #require(
            read(start + "state_directory: \"${env:HOME}/x${env:NO:-y}\"\n", variables: ["HOME": "/root"]).configuration
        )
        #expect(configuration.stateDirectory == "/root/xy")
    }

    @Test func `lists take files, and secrets come from files`() throws {
        let more = """
            client_address: { trusted_proxies: ["file:proxies.txt", 192.0.2.1] }
            collectors: [{ name: c, type: http, url: "http://a/", headers: { Authorization_file: token, X-A: b } }]

            """
        let configuration = try #require(
            read(start + more, files: ["/etc/proxies.txt": "# ours\n10.0.0.0/8\n\n", "/etc/token": "Bearer x\n"])
                .configuration)
        #expect(configuration.clientAddress.trustedProxies.map(\.description) == ["10.0.0.0/8", "192.0.2.1"])
        #expect(configuration.collectors[0].headers.map(\.0) == ["Authorization", "X-A"])
        #expect(configuration.collectors[0].headers.map(\.1) == ["Bearer x", "b"])
    }

    @Test func `rules are read with their places`() throws {
        let rules = """
            rules:
              - id: a
                when:
                  - request.path: { prefix: /x, case: insensitive, transform: [url_decode] }
                  - any: [{ request.method: POST }, { not: [{ request.header.accept: { exists: true } }] }]
                then: { action: flag, header: X-Flag }
                expires: 2026-12-24T00:00:00Z
              - id: b
                when: [{ request.pth: x }, { request.path: { regexp: x } }, { client.ip: { ip: [1.2.3] } }]
                then: { action: blok }

            """
        let found = read(start + "rules: { files: [\"rules/*.yaml\"] }\n", files: ["/etc/rules/a.yaml": rules])
        let lines = found.problems.map { "\($0.place.file):\($0.place.line) \($0.what)" }
        #expect(lines.contains("/etc/rules/a.yaml:9 unknown subject \"request.pth\""), "\(lines)")
        #expect(lines.contains { $0.hasPrefix("/etc/rules/a.yaml:9 unknown key \"regexp\"") })
        #expect(lines.contains("/etc/rules/a.yaml:9 \"1.2.3\" is not an address or network"))
        #expect(lines.contains("/etc/rules/a.yaml:10 unknown action \"blok\""))
    }

    @Test func `rulesets of Datadog's format are read, and what is wrong in them has its place`() {
        let good = #"{"version":"2.2","rules":[]}"#
        #expect(read(start + "rules: { files: [r.json] }\n", files: ["/etc/r.json": good]).problems.isEmpty)
        let bad = """
            {"version": "2.2", "rules": [{"id": "a", "tags": {"type": "t"}, "conditions": [
              {"operator": "match_regx", "parameters": {"inputs": [{"address": "server.request.query"}], "regex": "a"}}
            ]}]}
            """
        let found = read(start + "rules: { files: [r.json] }\n", files: ["/etc/r.json": bad])
        #expect(found.problems.first?.place == Place(file: "/etc/r.json", line: 2, column: 16), "\(found.problems)")
    }
}
