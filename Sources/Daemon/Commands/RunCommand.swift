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

    @Flag(
        name: .long,
        help: "Hold the listening sockets in a small parent process, which starts the daemon again when it dies.")
    var supervise = false

    func run() throws {
        let log = Logs()
        let manager = ServiceManager()
        // The child of a keeper is called with the same words.
        let code =
            supervise && !manager.isKept ? Keeper.run(log) : Supervisor.run(configuration: config, manager, log: log)
        throw ExitCode(code)
    }
}
