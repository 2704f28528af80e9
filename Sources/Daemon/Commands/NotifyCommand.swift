// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Wire

/// `loginward notify`: what concerns the targets of `notifications:`.
struct NotifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "notify", abstract: "Try out who is told of attacks.", subcommands: [Test.self])

    /// `loginward notify test NAME`.
    struct Test: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Have the running daemon send a test message to one notification target, and say what came of it.",
            discussion: "One attempt, at once and beside the queue. Exit status 0 when the target took it.")

        @Argument(help: "The name of a target in notifications.")
        var name: String
        @OptionGroup var option: AdminOption

        func run() throws {
            let answer = try option.ask("POST", "/api/v1/notifications/test?name=\(ListClient.escape(name))")
            if answer.status == 200 {
                print("\(name) took the message")
                return
            }
            let values = JSONValues(answer.body)
            let known = values.text("problems.0").map { $0.isEmpty ? "; there is none" : "; there are: \($0)" } ?? ""
            Terminal.error("loginward: \(name): \(values.text("title") ?? "no answer")\(known)")
            throw ExitCode(ExitStatus.failure)
        }
    }
}
