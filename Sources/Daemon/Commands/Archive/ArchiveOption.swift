// SPDX-License-Identifier: Apache-2.0
import Archive
import ArgumentParser
import Config
import Logins
import Transport
import Wire

/// Where the commands find the archive. They read the file itself: a long answer costs the daemon nothing, and there need not be one.
struct ArchiveOption: ParsableArguments {
    @Option(name: [.short, .long], help: "The configuration, which says where the archive is.")
    var config = "/etc/loginward/loginward.yaml"
    @Option(name: .long, help: "The file of the archive itself, instead of a configuration.")
    var archive: String?

    func path() throws -> String {
        if let archive { return archive }
        return "\(try settings().stateDirectory)/events.db"
    }

    func settings() throws -> ArchiveLocation {
        let read = ConfigurationReader.readArchive(path: config, FileAccess.environment)
        guard let location = read.location else {
            for problem in read.problems { Terminal.error(problem.description) }
            throw ExitCode(ExitStatus.configuration)
        }
        return location
    }

    func open() throws -> EventReader {
        let path = try path()
        return try ArchiveOption.failing { try EventReader(path: path) }
    }

    /// Understands a query, or shows where it is wrong.
    static func query(_ words: [String]) throws -> EventQuery {
        let text = words.joined(separator: " ")
        do throws(QueryProblem) {
            return try EventQuery(text, now: MonotonicTime.unixNanoseconds() / 1_000)
        } catch {
            Terminal.error(text)
            Terminal.error(String(repeating: " ", count: error.column - 1) + "^")
            Terminal.error("query: \(error.description)")
            throw ExitCode(ExitStatus.usage)
        }
    }

    /// Says what the archive cannot do, and ends the command.
    static func failing<Result>(_ body: () throws -> Result) throws -> Result {
        do { return try body() } catch let fault as ArchiveFault {
            Terminal.error("loginward: \(fault.description)")
            throw ExitCode(ExitStatus.failure)
        }
    }
}
