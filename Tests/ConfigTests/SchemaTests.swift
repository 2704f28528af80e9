// SPDX-License-Identifier: Apache-2.0
import Testing
import Wire

@testable import Config

/// The schema knows every key that the reader accepts, and no other.
///
/// A failure here after a new setting: read it with the methods of `YAMLSection` (`string(_:known:)`, `duration`, `section`, `oneOrMore`,
/// …) and not by way of `node`, and the schema has it. Where what is asked depends on a word, give the words with `known:` or read it with
/// `choice`.
@Suite struct SchemaTests {
    private static func read(_ text: String, files: [String: String] = [:]) -> (asked: Set<String>, problems: [Problem])
    {
        let environment = ReadingEnvironment(
            read: { path in files[path].map { .success(Array($0.utf8)) } ?? .failure(FileTrouble("not there")) },
            glob: { _ in [] }, variable: { _ in nil })
        let context = ReadingContext(environment)
        guard let node = YAMLDocument.parse(Array(text.utf8), file: "/gate.yaml", context),
            let top = YAMLSection(node, file: "/gate.yaml", path: "", context)
        else { return ([], context.problems) }
        ConfigurationReader.describe(top, context)
        return (context.asked, context.problems)
    }

    /// Every section that there is, with one of everything whose keys depend on a word.
    private static let everything = """
        version: 1
        listeners: [{ address: "127.0.0.1:1", tls: { certificates: [{ certificate: a, key: b }] } }]
        client_address: {}
        request_id: {}
        services:
          - name: a
            hosts: [b]
            upstream: { servers: ["http://a:1"], tls: {}, health: { path: / } }
            logins:
              - name: w
                match: { path: / }
                user: { login: basic }
                success: { header: { name: x }, json: { path: y } }
                failure: [{ status: 401 }]
                exists: { true_when: { status: 200 }, false_when: { status: 404 } }
        limits: {}
        denylist: {}
        allowlist: {}
        rules: {}
        sessions: {}
        rate_limits: [{ name: a, key: client.ip, over: 1/1s, then: { action: block } }]
        block_page: {}
        collectors:
          - { name: a, type: otlp, url: "http://a/", headers: { x: y } }
          - { name: b, type: http, url: "http://a/" }
          - { name: c, type: file, path: c }
        notifications:
          - { name: a, type: slack, url: "http://a/", signals: { recon: low } }
          - { name: b, type: teams, url: "http://a/" }
          - { name: c, type: pagerduty, routing_key: k }
          - { name: d, type: email, server: "smtp://a", from: a@b.c, to: a@b.c }
          - { name: e, type: webhook, url: "http://a/", secret: 0123456789abcdef }
        archive: {}
        admin: { address: "unix:/a" }
        access_log: { path: a }

        """

    @Test func `every key that the reader asks for is in the schema`() {
        let known = Set(Schema.describeConfiguration().paths())
        let asked = Self.read(Self.everything).asked
        #expect(asked.count > 60)
        // Below a mapping of free keys, such as headers, the keys are the operator's.
        for key in asked.subtracting(known).sorted() where !key.hasPrefix("collectors[].headers.") {
            Issue.record("the reader asks for \(key), and `loginward schema` does not know it: see the comment above")
        }
    }

    @Test func `the reader knows every key of the schema`() {
        for path in Schema.describeConfiguration().paths().sorted() {
            let parts = path.split(separator: ".").map(String.init)
            let texts = Self.texts(parts)
            let isKnown = texts.contains { text in
                !Self.read(text).problems.contains { $0.what.hasPrefix("unknown key \"\(parts.last ?? "")\"") }
            }
            #expect(isKnown, "the schema has \(path), and the reader calls it unknown in \(texts)")
        }
    }

    /// Files with this one key in them, one for each kind of surroundings that it may need.
    private static func texts(_ parts: [String]) -> [String] {
        let needed: [String: [String]] = [
            "collectors[]": ["otlp", "http", "file", "syslog"].map {
                "name: a, type: \($0), url: \"http://a/\", path: a, address: \"127.0.0.1:1\""
            },
            "notifications[]": ["slack", "teams", "pagerduty", "email", "webhook"].map {
                "name: a, type: \($0), url: \"http://a/\""
            },
            "listeners[]": ["address: \"127.0.0.1:1\""], "services[]": ["name: a"],
            "logins[]": ["name: w, match: { path: / }, user: { login: basic }"],
            "rate_limits[]": ["name: a, key: client.ip, over: 1/1s"],
            "then": ["block", "redirect", "respond", "delay", "close", "flag", "mimic"].map { "action: \($0)" },
        ]
        var texts = ["x"]
        for (depth, part) in parts.enumerated().reversed() {
            let name = part.hasSuffix("[]") ? String(part.dropLast(2)) : part
            texts = texts.flatMap { inner -> [String] in
                guard part.hasSuffix("[]") || depth < parts.count - 1 else { return ["\(name): x"] }
                let next = parts[depth + 1].prefix { $0 != "[" }
                return (needed[part] ?? [""]).map { more in
                    // The key itself stands for what would be there twice.
                    let others = Self.without(String(next), more)
                    let body = others.isEmpty ? "{ \(inner) }" : "{ \(others), \(inner) }"
                    return "\(name): \(part.hasSuffix("[]") ? "[\(body)]" : body)"
                }
            }
        }
        return texts.map { "version: 1\n\($0)\n" }
    }

    private static func without(_ key: String, _ pairs: String) -> String {
        switch key {
        case "match", "user": "name: w" + (key == "match" ? ", user: { login: basic }" : ", match: { path: / }")
        default: pairs.components(", ").filter { !$0.hasPrefix("\(key):") }.joined(separator: ", ")
        }
    }

    @Test func `choices bring what depends on them`() {
        let paths = Set(Schema.describeConfiguration().paths())
        #expect(paths.isSuperset(of: ["collectors[].url", "collectors[].path", "collectors[].encoding"]))
        let rules = String(decoding: Schema.rules(), as: UTF8.self)
        for key in ["\"location\"", "\"content_type\"", "\"time\"", "\"header\""] { #expect(rules.contains(key)) }
    }
}

extension String {
    fileprivate func components(_ separator: String) -> [String] {
        var parts: [String] = []
        var rest = Substring(self)
        while let range = rest.range(of: separator) {
            parts.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return parts + [String(rest)]
    }
}
