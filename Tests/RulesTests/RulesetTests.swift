// SPDX-License-Identifier: Apache-2.0
import Testing
import Wire

@testable import Rules

struct RulesetTests {
    private let place = Place(file: "rules.yaml", line: 3, column: 7)

    private func test(
        _ subject: String, _ matcher: Matcher, transforms: [Transform] = [], insensitive: Bool = false
    ) throws -> Condition {
        .test(
            Test(
                subject: try #require(Subject(subject)), transforms: transforms, matcher: matcher,
                caseInsensitive: insensitive,
                place: place))
    }

    private func rule(
        _ id: String, _ condition: Condition, mode: Rule.Mode = .block, action: RuleAction = .block(status: 403),
        services: [String] = [], captures: [(tag: String, subject: Subject)] = [], expires: Int64? = nil
    ) -> Rule {
        Rule(
            id: id, name: id, mode: mode, services: services, tags: [], condition: condition, action: action,
            captures: captures,
            expires: expires, place: place)
    }

    /// Runs all request phases; returns the ids that matched and the rule that acts.
    private func run(
        _ rules: [Rule], _ text: String, body: [(String, String)] = [], login: String? = nil,
        client: String = "203.0.113.9",
        service: Int = 0
    ) throws -> (matches: [String], acting: String?, state: Evaluation) {
        let compiled = RuleCompiler.compile(rules, services: ["sso", "other"])
        let ruleset = try #require(compiled.ruleset, "\(compiled.problems)")
        let scratch = EvaluationScratch()
        scratch.prepare(for: ruleset)
        let bytes = Array(text.utf8)
        var head = RequestHead()
        var progress = HeadProgress()
        #expect(try HeadParser.parseRequest(bytes.span, limits: HeadLimits(), progress: &progress, into: &head))
        var path: [UInt8] = []
        RequestTarget.normalise(bytes.span.slice(head.path), into: &path)
        let facts = ExchangeFacts(
            client: try #require(IPAddress(client)), peer: .loopback, isSecure: false, service: service,
            unixSeconds: 1_000)
        var state = Evaluation()
        state.reset(for: ruleset)
        var verdict = ruleset.inspectRequestHead(
            head, bytes.span, path: path.span, facts: facts, state: &state, scratch: scratch)
        if let login {
            state.login = Array(login.utf8)
            state.hasLogin = true
        }
        var values = NamedValues()
        for (name, value) in body { values.append(name: Array(name.utf8).span, value: Array(value.utf8).span) }
        if verdict == .allow {
            verdict = ruleset.inspectRequestBody(
                values, raw: Array(body.map(\.1).joined(separator: " ").utf8).span, facts: facts, state: &state,
                scratch: scratch)
        }
        ruleset.captureRequestHead(
            head, bytes.span, path: path.span, facts: facts, state: &state, scratch: scratch)
        ruleset.captureRequestBody(values, raw: [UInt8]().span, state: &state)
        var acting: String?
        if case .act(let index) = verdict { acting = String(decoding: ruleset.rule(at: index).id, as: UTF8.self) }
        return (state.matches.map { String(decoding: ruleset.rule(at: Int($0)).id, as: UTF8.self) }, acting, state)
    }

    private let get = """
        GET /a/%2e%2e/Admin?next=%2Fhome&next=x HTTP/1.1\r\nHost: login.example.com\r\nUser-Agent: python-requests/2.31\r\n\
        Accept: text/html\r\nAccept: */*\r\nCookie: sid=abc; theme=dark\r\nX-Level: 12\r\n\r\n
        """

    private func holds(_ condition: Condition) throws -> Bool { try run([rule("r", condition)], get).acting == "r" }

    @Test func `every subject of a request head is seen`() throws {
        let cases: [(String, Matcher)] = [
            ("client.ip", .ip([try #require(IPPrefix("203.0.113.0/24"))])),
            ("client.ip", .equals(Array("203.0.113.9".utf8))),
            ("client.peer", .oneOf([Array("127.0.0.0/8".utf8)])), ("request.method", .equals(Array("GET".utf8))),
            ("request.path", .equals(Array("/Admin".utf8))), ("request.query", .contains(Array("%2F".utf8))),
            ("request.query.next", .equals(Array("x".utf8))),
            ("request.header.user-agent", .regex("^python-requests/")),
            ("request.header.accept", .equals(Array("*/*".utf8))), ("request.headers", .suffix(Array("dark".utf8))),
            ("request.cookie.sid", .equals(Array("abc".utf8))), ("request.host", .suffix(Array("example.com".utf8))),
            ("request.scheme", .equals(Array("http".utf8))), ("request.version", .equals(Array("1.1".utf8))),
            ("request.header.x-level", .greater(11.5)), ("request.header.x-level", .less(12.5)),
        ]
        for (subject, matcher) in cases { #expect(try holds(test(subject, matcher)), "\(subject)") }
    }

    @Test func `what differs does not match`() throws {
        #expect(try !holds(test("request.path", .equals(Array("/admin".utf8)))))
        #expect(try holds(test("request.path", .equals(Array("/admin".utf8)), insensitive: true)))
        #expect(try !holds(test("request.header.x-level", .greater(12))))
        #expect(try !holds(test("request.header.user-agent", .greater(0))))
        #expect(try !holds(test("client.ip", .ip([try #require(IPPrefix("198.51.100.0/24"))]))))
    }

    @Test func `a missing value fulfils a negation and no test`() throws {
        let missing = try test("request.header.accept-language", .contains(Array("de".utf8)))
        #expect(try !holds(missing))
        #expect(try holds(.not(missing)))
        #expect(try holds(test("request.header.accept-language", .exists(false))))
        #expect(try !holds(test("request.header.accept-language", .exists(true))))
    }

    @Test func `any, all and not nest`() throws {
        let yes = try test("request.method", .equals(Array("GET".utf8)))
        let no = try test("request.method", .equals(Array("POST".utf8)))
        #expect(try holds(.any([no, .all([yes, .not(.any([no, no]))])])))
        #expect(try !holds(.all([yes, .any([no, .not(yes)])])))
    }

    @Test func `transforms come before the matcher, in their order`() throws {
        #expect(try holds(test("request.query", .contains(Array("next=/home".utf8)), transforms: [.urlDecode])))
        #expect(
            try holds(test("request.header.user-agent", .prefix(Array("PYTHON".utf8)), transforms: [.lowercase]))
                == false)
        #expect(
            try holds(
                test(
                    "request.header.user-agent", .equals(Array("python-requests/2.31".utf8)),
                    transforms: [.trim, .lowercase])))
    }

    @Test func `a rule that needs the body is decided when the body is there`() throws {
        let condition = Condition.all([
            try test("request.method", .equals(Array("POST".utf8))),
            try test("request.body.user", .equals(Array("root".utf8))),
        ])
        let post = "POST /login HTTP/1.1\r\nHost: a\r\n\r\n"
        #expect(try run([rule("r", condition)], post, body: [("user", "root")]).acting == "r")
        #expect(try run([rule("r", condition)], post, body: [("user", "alice")]).acting == nil)
        #expect(try run([rule("r", condition)], post).acting == nil)
        let login = try test("usr.login", .prefix(Array("admin".utf8)))
        #expect(try run([rule("r", login)], post, login: "administrator").acting == "r")
    }

    @Test func `monitor notes, off is silent, the first that stops decides`() throws {
        let yes = try test("request.method", .equals(Array("GET".utf8)))
        let result = try run(
            [
                rule("watch", yes, mode: .monitor), rule("gone", yes, mode: .off),
                rule("mark", yes, action: .flag(header: [], value: [])), rule("wait", yes, action: .delay(.seconds(1))),
                rule("stop", yes), rule("late", yes),
            ], get)
        #expect(result.matches == ["watch", "mark", "wait", "stop", "late"])
        #expect(result.acting == "stop")
    }

    @Test func `scope and expiry hold`() throws {
        let yes = try test("request.method", .equals(Array("GET".utf8)))
        #expect(try run([rule("r", yes, services: ["other"])], get, service: 0).acting == nil)
        #expect(try run([rule("r", yes, services: ["other"])], get, service: 1).acting == "r")
        #expect(try run([rule("r", yes, expires: 1_000)], get).acting == nil)
        #expect(try run([rule("r", yes, expires: 1_001)], get).acting == "r")
    }

    @Test func `capture stores values as tags`() throws {
        let yes = try test("request.method", .equals(Array("GET".utf8)))
        let result = try run([rule("r", yes, captures: [("ua", .header(Array("user-agent".utf8)))])], get)
        let captures = result.state.captures
        #expect(captures.entries.count == 1)
        #expect(String(decoding: captures.arena, as: UTF8.self) == "uapython-requests/2.31")
    }

    @Test func `a rule of the head stores a value of the body`() throws {
        let yes = try test("request.method", .equals(Array("GET".utf8)))
        let typed = try #require(Subject("request.body.name"))
        let result = try run(
            [rule("r", yes, mode: .monitor, captures: [("typed", typed)])], get, body: [("name", "eve")])
        #expect(String(decoding: result.state.captures.arena, as: UTF8.self) == "typedeve")
    }

    @Test func `an answer can neither be delayed nor flagged`() throws {
        let late = try test("response.status", .equals(Array("401".utf8)))
        let actions: [RuleAction] = [.delay(.seconds(1)), .flag(header: Array("X-A".utf8), value: [])]
        for action in actions {
            let compiled = RuleCompiler.compile([rule("r", late, action: action)], services: [])
            #expect(compiled.ruleset == nil)
            #expect(compiled.problems.map(\.place) == [place])
        }
    }

    @Test func `every problem is told with its place`() throws {
        let bad = try test("request.path", .regex("(a"))
        let worse = try test("client.ip", .equals(Array("nonsense".utf8)))
        let yes = try test("request.method", .equals(Array("GET".utf8)))
        let problems = RuleCompiler.compile(
            [rule("a", bad), rule("b", worse), rule("a", yes, services: ["nobody"])], services: ["sso"]
        ).problems
        #expect(problems.count == 4)
        #expect(problems.allSatisfy { $0.place == place })
        #expect(
            problems.contains { $0.what.contains("used twice") } && problems.contains { $0.what.contains("nobody") })
    }
}
