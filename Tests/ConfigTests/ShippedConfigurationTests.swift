// SPDX-License-Identifier: Apache-2.0

import Foundation
import Rules
import Testing
import Wire

@testable import Config

/// What stands in `config/` reads and compiles without a problem.
@Suite struct ShippedConfigurationTests {
    static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("config").path

    static func read(_ name: String) -> (configuration: Configuration?, problems: [Problem]) {
        let environment = ReadingEnvironment(
            read: { path in
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
            configuration.denylist.map { (path: $0.path, contents: $0.contents) })
        #expect(problems.isEmpty)
        #expect(list?.isEmpty == true)
    }
}
