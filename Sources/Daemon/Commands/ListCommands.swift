// SPDX-License-Identifier: Apache-2.0
import Admin
import ArgumentParser
import Config
import Rules
import Wire

/// Which list a command works on.
protocol WhichList {
    static var name: ListName { get }
}

enum Denied: WhichList { static let name = ListName.deny }
enum Allowed: WhichList { static let name = ListName.allow }

/// `loginward deny …`
struct DenyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deny", abstract: "Change and show what the running daemon refuses.",
        discussion: ListText.discussion,
        subcommands: [
            AddCommand<Denied>.self, RemoveCommand<Denied>.self, ExtendCommand<Denied>.self, ListCommand<Denied>.self,
            ImportCommand<Denied>.self, ExportCommand<Denied>.self,
        ])
}

/// `loginward allow …`
struct AllowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "allow", abstract: "Change and show whom the running daemon never refuses.",
        discussion: ListText.discussion,
        subcommands: [
            AddCommand<Allowed>.self, RemoveCommand<Allowed>.self, ExtendCommand<Allowed>.self,
            ListCommand<Allowed>.self, ImportCommand<Allowed>.self, ExportCommand<Allowed>.self,
        ])
}

enum ListText {
    static let discussion =
        "Entries are in force for the next request and outlive restarts; they stand in a journal in the state directory. "
        + "VALUE is an address, a network, usr.login=NAME, usr.id=ID, session=TOKEN, user_agent=TEXT, fingerprint=VALUE, "
        + "asn=NUMBER or country=XX."
}

/// When an entry ends.
struct EndOptions: ParsableArguments {
    @Option(name: .customLong("for"), help: "How long it holds: 30m, 12h, 7d.")
    var length: String?

    @Option(name: .long, help: "When it ends, as 2026-12-24T00:00:00Z.")
    var until: String?

    /// Unix seconds; nil: nothing was said.
    func end() throws -> Int64? {
        if length != nil && until != nil { throw ValidationError("--for and --until say the same thing") }
        if let until {
            guard let time = Timestamp.parse(until.utf8.span) else {
                throw ValidationError("\"\(until)\" is not a time such as 2026-12-24T00:00:00Z")
            }
            return time
        }
        guard let length else { return nil }
        guard let duration = Units.duration(length), duration >= .seconds(1) else {
            throw ValidationError("\"\(length)\" is not a time such as 30m, 12h or 7d")
        }
        return Clock.unixSeconds + duration.components.seconds
    }
}

struct AddCommand<Which: WhichList>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "add", abstract: "Add entries, or replace those with the same value.")
    }

    @Argument(help: "Values: 203.0.113.7, 198.51.100.0/24, usr.login=alice, …")
    var values: [String]
    @OptionGroup var end: EndOptions
    @Option(name: .long, help: "Why, for logs and whoever comes next.")
    var reason = ""
    @Option(name: .long, help: "Who or what says so; one word.")
    var source = "cli"
    @Flag(name: .long, help: "Only note what the entry meets; in the allowlist: judge as everybody and never refuse.")
    var monitored = false
    @Flag(name: .long, help: "Add nothing; say what the entries would have stopped.")
    var dryRun = false
    @Option(name: .long, help: "Hours of the past that a dry run looks at.")
    var hours = 24
    @OptionGroup var option: AdminOption

    func run() throws {
        let end = try end.end() ?? .max
        let entries = try values.map { value in
            ListEntry(
                subject: try ListClient.subject(value), expires: end, reason: ListClient.oneLine(reason),
                source: Array(ListClient.oneLine(source).filter { $0 != 32 }), isMonitored: monitored)
        }
        let client = ListClient(list: Which.name, option: option)
        if dryRun {
            try client.preview(entries, hours: hours)
        } else {
            try client.send("POST", "", entries)
        }
    }
}

struct RemoveCommand<Which: WhichList>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "rm", abstract: "Remove entries, all or none.")
    }

    @Argument(help: "Their values.")
    var values: [String]
    @OptionGroup var option: AdminOption

    func run() throws {
        let entries = try values.map { ListEntry(subject: try ListClient.subject($0)) }
        try ListClient(list: Which.name, option: option).send("DELETE", "", entries)
    }
}

struct ExtendCommand<Which: WhichList>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "extend", abstract: "Give entries another end, counted from now.",
            discussion: "Without --for or --until they never end.")
    }

    @Argument(help: "Their values.")
    var values: [String]
    @OptionGroup var end: EndOptions
    @OptionGroup var option: AdminOption

    func run() throws {
        let end = try end.end() ?? .max
        let entries = try values.map { ListEntry(subject: try ListClient.subject($0), expires: end) }
        try ListClient(list: Which.name, option: option).send("POST", "/extend", entries)
    }
}

struct ListCommand<Which: WhichList>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "list", abstract: "Show entries, the newest first.")
    }

    @Option(name: .long, help: "table, json or csv.")
    var format = ListFormat.table
    @Option(name: .long, help: "Only what stands against this value; of networks those that hold it or lie in it.")
    var match: String?
    @Flag(name: .long, help: "Also entries of the files.")
    var files = false
    @Option(name: .long, help: "The most entries.")
    var limit = 1_000
    @OptionGroup var option: AdminOption

    func run() throws {
        let answer = try ListClient(list: Which.name, option: option).show(match: match, files: files, limit: limit)
        Terminal.write(Array(format.write(answer.entries).utf8), to: 1)
        if format == .table {
            Terminal.write(
                Array("\(answer.overlay) entries of the run, \(answer.inFiles) in files\n".utf8), to: 1)
        }
    }
}

struct ImportCommand<Which: WhichList>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "import", abstract: "Add the entries of a file.",
            discussion: "One mistake in the file and nothing is added.")
    }

    @Argument(help: "The file.")
    var file: String
    @Option(name: .long, help: "lines (as a list file), json or csv; else by the file's name.")
    var format: ListFormat?
    @OptionGroup var end: EndOptions
    @Option(name: .long, help: "The reason of entries that have none.")
    var reason = ""
    @Flag(name: .long, help: "Add nothing; say what the entries would have stopped.")
    var dryRun = false
    @Option(name: .long, help: "Hours of the past that a dry run looks at.")
    var hours = 24
    @OptionGroup var option: AdminOption

    func run() throws {
        let end = try end.end()
        let bytes: [UInt8]
        switch FileAccess.read(file) {
        case .success(let contents): bytes = contents
        case .failure(let trouble):
            Terminal.error("loginward: cannot read \(file): \(trouble.reason)")
            throw ExitCode(ExitStatus.failure)
        }
        let read = (format ?? ListFormat(fileName: file)).read(bytes)
        if !read.mistakes.isEmpty {
            for mistake in read.mistakes.prefix(100) { Terminal.error("\(file):\(mistake)") }
            throw ExitCode(ExitStatus.configuration)
        }
        let entries = read.entries.map { entry in
            var entry = entry
            if entry.expires == .max, let end { entry.expires = end }
            if entry.reason.isEmpty { entry.reason = ListClient.oneLine(reason) }
            if entry.source.isEmpty { entry.source = Array("import".utf8) }
            return entry
        }
        let client = ListClient(list: Which.name, option: option)
        if dryRun {
            try client.preview(entries, hours: hours)
        } else {
            try client.send("POST", "", entries)
        }
    }
}

struct ExportCommand<Which: WhichList>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "export", abstract: "Print all entries of the run for another daemon, or a file.")
    }

    @Option(name: .long, help: "lines (as a list file), json or csv.")
    var format = ListFormat.lines
    @Flag(name: .long, help: "Also entries of the files, up to a million in all.")
    var files = false
    @OptionGroup var option: AdminOption

    func run() throws {
        let answer = try ListClient(list: Which.name, option: option).show(match: nil, files: files, limit: 1_000_000)
        Terminal.write(Array(format.write(answer.entries).utf8), to: 1)
    }
}
