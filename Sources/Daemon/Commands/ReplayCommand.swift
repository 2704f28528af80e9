// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Config
import Glibc
import Logins
import Wire

/// `loginward replay`: the detection over recorded attempts, in their own time and as fast as the machine allows. What would this configuration
/// have done last Tuesday?
struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Run the detection over recorded login attempts.",
        discussion:
            "Reads one JSON object a line in the order of time, writes what would have been stopped and what would have been told. "
            + "A line that cannot be read is named and ends the replay with exit status 1.")

    @Option(name: .long, help: "The configuration; only its detection section counts.")
    var config: String
    @Option(name: .long, help: "Recorded attempts, one JSON object a line.")
    var events: String
    @Option(name: .long, help: "Where the verdicts go, one JSON object for each line that was not simply allowed.")
    var verdicts: String
    @Option(name: .long, help: "Where the signals go, one JSON object for each opening and change.")
    var signals: String
    @Option(name: .long, help: "Earlier successes, which say who is at home where.")
    var history: String?

    func run() throws {
        let read = ConfigurationReader.readDetection(path: config, FileAccess.environment)
        for problem in read.problems { Terminal.error(problem.description) }
        guard let settings = read.settings else { throw ExitCode(ExitStatus.configuration) }
        do throws(ReplayTrouble) {
            var replay = try Replay(settings: settings, verdicts: verdicts, signals: signals)
            if let history { try replay.remember(history) }
            try replay.play(events)
            let summary = replay.summary
            print(summary)
        } catch {
            Terminal.error("loginward: \(error.description)")
            throw ExitCode(ExitStatus.failure)
        }
    }
}
