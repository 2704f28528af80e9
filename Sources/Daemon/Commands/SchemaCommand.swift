// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Config

/// `loginward schema`.
struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Print the JSON Schema of the configuration, for editors and checks.")

    @Flag(name: .long, help: "That of a rule file.")
    var rules = false

    func run() { Terminal.write(rules ? Schema.rules() : Schema.configuration(), to: 1) }
}
