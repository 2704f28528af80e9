// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Config
import Glibc
import Proxy
import Rules
import Wire

/// `loginward check`: reads and compiles a configuration exactly as a start or reload would, and touches nothing.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check a configuration with all its rules, lists and certificates.",
        discussion: "Exit status 0, or 78 with every problem as FILE:LINE:COLUMN: error: WHAT.")

    @Argument(help: "The configuration file.")
    var file: String

    func run() throws {
        let loaded = PolicyCompiler.load(
            path: file, generation: 1, slots: SlotRegistry(), endpoints: EndpointRegistry())
        for problem in loaded.problems { Terminal.error(problem.description) }
        guard let result = loaded.result, loaded.problems.isEmpty else {
            Terminal.error("\(loaded.problems.count) problem\(loaded.problems.count == 1 ? "" : "s") in \(file)")
            throw ExitCode(ExitStatus.configuration)
        }
        for warning in result.configuration.warnings { Terminal.error(warning.description) }
        let policy = result.policy
        print(
            "\(file): ok: \(result.configuration.listeners.count) listeners, \(policy.services.count) services, "
                + "\(policy.ruleset.count) rules, \(policy.denylist.count) denylist entries")
    }
}

/// `loginward version`.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

    func run() { print("loginward \(Version.text)") }
}
