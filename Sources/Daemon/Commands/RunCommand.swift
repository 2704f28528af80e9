// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Glibc
import Wire

/// `loginward run`: the daemon, in the foreground, until SIGTERM or SIGINT.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run the gate in the foreground. SIGHUP reloads, SIGTERM drains and stops, SIGUSR1 reopens files.")

    @Option(name: [.short, .long], help: "The configuration file.")
    var config = "/etc/loginward/loginward.yaml"

    func run() throws {
        let log = Logs()
        let code = Supervisor.run(configuration: config, log: log)
        throw ExitCode(code)
    }
}
