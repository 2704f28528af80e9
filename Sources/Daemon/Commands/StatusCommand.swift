// SPDX-License-Identifier: Apache-2.0
import Admin
import ArgumentParser
import Glibc
import Transport

/// Where the commands find the running daemon.
struct AdminOption: ParsableArguments {
    @Option(name: .long, help: "The admin address of the daemon: unix:PATH or host:port.")
    var admin = "unix:/run/loginward/admin.sock"

    func ask(
        _ method: String, _ path: String, body: [UInt8] = [], contentType: String = ""
    ) throws -> (status: Int, body: [UInt8]) {
        guard let address = SocketAddress(admin) else { throw ValidationError("\"\(admin)\" is not an address") }
        switch AdminClient.ask(method, path, body: body, contentType: contentType, at: address) {
        case .success(let answer): return answer
        case .failure(let fault):
            Terminal.error("loginward: no answer at \(admin): \(fault.description)")
            throw ExitCode(fault.errno == EACCES ? ExitStatus.permission : ExitStatus.failure)
        }
    }
}

/// `loginward status`.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Print what the running daemon says of itself (JSON).")

    @OptionGroup var option: AdminOption

    func run() throws {
        let answer = try option.ask("GET", "/status")
        Terminal.write(answer.body, to: 1)
        if answer.status != 200 { throw ExitCode(ExitStatus.failure) }
    }
}

/// `loginward reload`: waits for the outcome, unlike SIGHUP.
struct ReloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload", abstract: "Reload the configuration of the running daemon and wait for the outcome.",
        discussion: "Exit status 0, or 78 with every problem when the old configuration stays.")

    @OptionGroup var option: AdminOption

    func run() throws {
        let answer = try option.ask("POST", "/reload")
        Terminal.write(answer.body, to: answer.status == 200 ? 1 : 2)
        if answer.status == 409 { throw ExitCode(ExitStatus.configuration) }
        if answer.status != 200 { throw ExitCode(ExitStatus.failure) }
    }
}
