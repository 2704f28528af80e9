// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logins
import Rules
import Testing
import Wire

@testable import Config

/// What stands in `config/` reads and compiles without a problem.
@Suite struct ShippedConfigurationTests {
    static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("config").path

    static func read(_ name: String, text: String? = nil) -> (configuration: Configuration?, problems: [Problem]) {
        let environment = ReadingEnvironment(
            read: { path in
                if let text, path == "\(folder)/\(name)" { return .success(Array(text.utf8)) }
                guard let bytes = FileManager.default.contents(atPath: path) else {
                    return .failure(FileTrouble("not there"))
                }
                return .success(Array(bytes))
            },
            glob: { pattern in
                let parent = String(pattern.prefix(upTo: pattern.lastIndex(of: "/") ?? pattern.startIndex))
                let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
                return names.filter { $0.hasSuffix(".yaml") }.sorted().map { "\(parent)/\($0)" }
            },
            variable: { _ in nil })
        let read = ConfigurationReader.read(path: "\(folder)/\(name)", environment)
        return (read.configuration, read.problems)
    }

    @Test(arguments: ["loginward.yaml", "behind-load-balancer.yaml", "demo.yaml", "reference.yaml"])
    func `reads without a problem`(name: String) {
        let (configuration, problems) = Self.read(name)
        for problem in problems { Issue.record("\(problem)") }
        #expect(configuration?.services.isEmpty == false)
    }

    @Test func `the start has twelve lines and guards a login`() throws {
        let text = try String(contentsOfFile: "\(Self.folder)/loginward.yaml", encoding: .utf8)
        #expect(text.split(separator: "\n").count == 12)
        #expect(Self.read("loginward.yaml").configuration?.services.first?.logins.count == 1)
    }

    static let presets = [
        "aspnet-identity", "authentik", "basic", "devise", "dex", "django", "gitlab", "keycloak", "kratos", "laravel",
        "nextcloud", "oauth2", "spring-security", "supabase", "wordpress", "zitadel",
    ]

    @Test func `every preset is in the list`() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: "\(Self.folder)/logins")
        #expect(files.sorted() == Self.presets.map { $0 + ".yaml" })
    }

    @Test(arguments: presets)
    func `a preset reads without a problem and has a login that says what success and failure are`(name: String) throws
    {
        let read = Self.read("gate.yaml", text: Self.gate(logins: "{ preset: \(name) }"))
        for problem in read.problems { Issue.record("\(problem)") }
        let logins = try #require(read.configuration?.services.first?.logins)
        let main = try #require(logins.first { $0.name == Array(name.utf8) })
        #expect(main.isMain && main.kind == .login && !main.isLearnt)
        #expect(logins.allSatisfy { $0 === main || !$0.isMain })
    }

    @Test func `a wrong preset is a problem with a suggestion, and an entry may say more`() throws {
        let wrong = Self.read("gate.yaml", text: Self.gate(logins: "{ preset: keyclaok }")).problems
        #expect(
            wrong.map(\.what) == ["unknown preset \"keyclaok\""] && wrong.first?.hint == "did you mean \"keycloak\"?")
        #expect(wrong.first?.place.line == 6)
        let text = Self.gate(logins: "{ preset: oauth2, name: api, user_id: response.header.x-user }")
        let route = try #require(Self.read("gate.yaml", text: text).configuration?.services.first?.logins.first)
        #expect(
            route.name == Array("api".utf8) && route.userID == .header(Array("x-user".utf8)) && !route.success.isEmpty)
        let unknown = Self.read("gate.yaml", text: Self.gate(logins: "{ preset: oauth2, sucess: { status: 200 } }"))
        #expect(unknown.problems.map(\.what) == ["unknown key \"sucess\" in services[0].logins[0]"])
        #expect(!Self.read("gate.yaml", text: Self.gate(logins: "{ preset: ../logins/oauth2 }")).problems.isEmpty)
    }

    private static func gate(logins: String) -> String {
        """
        version: 1
        listeners: [{ address: "127.0.0.1:8080" }]
        services:
          - name: sso
            upstream: { servers: ["http://127.0.0.1:9000"] }
            logins: [\(logins)]

        """
    }

    @Test func `the fifty rules compile`() throws {
        let configuration = try #require(Self.read("demo.yaml").configuration)
        #expect(configuration.rules.count == 50)
        let (ruleset, problems) = RuleCompiler.compile(configuration.rules, services: ["demo"])
        for problem in problems { Issue.record("\(problem)") }
        #expect(ruleset != nil)
    }

    @Test func `the example denylist denies nothing and has no mistake`() throws {
        let configuration = try #require(Self.read("demo.yaml").configuration)
        let (list, problems) = DenylistReader.read(
            configuration.denylist.files.map { (path: $0.path, contents: $0.contents) })
        #expect(problems.isEmpty)
        #expect(list?.isEmpty == true)
    }
}
