// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Glibc

/// The program: picks a command from the arguments.
struct Loginward: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "loginward",
        abstract:
            "A gate for logins: a reverse proxy that sees every login and its outcome, and stops account takeover.",
        version: Version.text,
        subcommands: [
            RunCommand.self, CheckCommand.self, StatusCommand.self, DoctorCommand.self, ReloadCommand.self,
            DenyCommand.self, AllowCommand.self, SinkCommand.self,
            EventsCommand.self, UsersCommand.self, AddressCommand.self, NotifyCommand.self, ReplayCommand.self,
            SignalsCommand.self, SchemaCommand.self, VersionCommand.self,
        ])
}

Loginward.main()
