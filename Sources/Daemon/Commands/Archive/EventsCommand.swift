// SPDX-License-Identifier: Apache-2.0
import Archive
import ArgumentParser
import Glibc
import Logins
import Transport
import Wire

/// `loginward events`: the history of logins.
struct EventsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "Follow, search and export the archive of login events.",
        discussion: """
            A query is conditions side by side, as
              event:users.login.* usr.login:alice http.client_ip:203.0.113.0/24 -http.user_agent:"python*" time:[-6h TO now]
            and may count: ... | count by http.client_ip, time(5m) top 20
            One that begins with an exclusion stands behind the word --.
            """,
        subcommands: [EventTailCommand.self, EventQueryCommand.self, EventExportCommand.self])
}

/// `loginward events query`.
struct EventQueryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query", abstract: "Show the newest events that a query means, or count them.")

    @Argument(help: "The query; everything when there is none.")
    var query: [String] = []
    @OptionGroup var option: ArchiveOption
    @Option(name: .shortAndLong, help: "table, json (one object a line) or csv.")
    var format = EventFormat.table
    @Option(name: .shortAndLong, help: "The most events to show; 0: all.")
    var limit = 100

    func validate() throws { if limit < 0 { throw ValidationError("--limit cannot be negative") } }

    func run() throws {
        let query = try ArchiveOption.query(query)
        let reader = try option.open()
        try ArchiveOption.failing {
            if query.count != nil { return CountPrinter(query: query, format: format).print(try reader.count(query)) }
            let printer = EventPrinter(format)
            try reader.read(query.filter, .newestFirst) { event, _ in
                printer.print(event)
                return printer.count != limit
            }
            printer.flush()
        }
    }
}

/// `loginward events export`.
struct EventExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write all events that a query means, oldest first, without a limit.")

    @Argument(help: "The query; everything when there is none.")
    var query: [String] = []
    @OptionGroup var option: ArchiveOption
    @Option(name: .shortAndLong, help: "table, json (one object a line) or csv.")
    var format = EventFormat.json
    @Option(name: .shortAndLong, help: "A new file to write; standard output when there is none.")
    var output: String?

    func run() throws {
        let query = try ArchiveOption.query(query)
        if query.count != nil { throw ValidationError("an export takes no count: use loginward events query") }
        let reader = try option.open()
        let descriptor = try target()
        let printer = EventPrinter(format, to: descriptor)
        try ArchiveOption.failing {
            try reader.read(query.filter, .oldestFirst) { event, _ in
                printer.print(event)
                return true
            }
        }
        printer.flush()
        if output != nil {
            if fsync(descriptor) != 0 || close(descriptor) != 0 {
                Terminal.error("loginward: the file could not be written whole")
                throw ExitCode(ExitStatus.failure)
            }
            Terminal.error("\(printer.count) events")
        }
    }

    private func target() throws -> Int32 {
        guard let output else { return 1 }
        // It holds user names and addresses: for its owner only, and nothing is overwritten.
        let opened = FileAccess.create(output)
        if opened < 0 {
            Terminal.error("loginward: cannot create \(output), or it is there already")
            throw ExitCode(ExitStatus.failure)
        }
        return opened
    }
}

/// `loginward events tail`.
struct EventTailCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail",
        abstract: "Show the last events that a query means, and then every new one, until it is stopped.")

    @Argument(help: "The query; everything when there is none.")
    var query: [String] = []
    @OptionGroup var option: ArchiveOption
    @Option(name: .shortAndLong, help: "table, json (one object a line) or csv.")
    var format = EventFormat.table
    @Option(name: .shortAndLong, help: "How many of the past.")
    var number = 10

    func run() throws {
        let query = try ArchiveOption.query(query)
        if query.count != nil { throw ValidationError("a tail takes no count: use loginward events query") }
        let reader = try option.open()
        let printer = EventPrinter(format)
        try ArchiveOption.failing {
            var past: [LoginEvent] = []
            var seen: [Int64: Bool] = [:]
            try reader.read(query.filter, .newestFirst) { event, key in
                if past.count < number { past.append(event) }
                seen[key] = true
                return past.count < number || seen.count < 1_000
            }
            for event in past.reversed() { printer.print(event) }
            printer.flush()
            // Loops hand their events over each in its own time: a little of the past is looked at again.
            while true {
                usleep(200_000)
                let overlap = (MonotonicTime.unixNanoseconds() / 1_000 - 5_000_000) << EventReader.keyBits
                seen = seen.filter { $0.key > overlap }
                try reader.read(query.filter, .oldestFirst, after: overlap) { event, key in
                    if seen.updateValue(true, forKey: key) == nil { printer.print(event) }
                    return true
                }
                printer.flush()
            }
        }
    }
}

/// Prints the groups of a count. A value for one answer.
struct CountPrinter {
    let query: EventQuery
    let format: EventFormat

    private var names: [String] {
        (query.count?.keys ?? []).map { key in
            switch key {
            case .bucket: "time"
            case .field(let field): field.name
            }
        }
    }

    func print(_ groups: [EventReader.Group]) {
        switch format {
        case .json:
            for group in groups {
                var writer = JSONWriter()
                writer.beginObject()
                for (name, key) in zip(names, group.keys) {
                    writer.key(Array(name.utf8).span)
                    if let key { writer.string(key.span) } else { writer.null() }
                }
                writer.key("count")
                writer.number(Int64(group.count))
                writer.endObject()
                Terminal.write(writer.bytes + [10], to: 1)
            }
        case .csv, .table:
            let printer = EventPrinter(.json)
            let titles = (names + ["count"]).map { Array($0.utf8) }
            let rows = groups.map { group in group.keys.map { $0 ?? [] } + [Array("\(group.count)".utf8)] }
            if format == .csv {
                for row in [titles] + rows { printer.row(row) }
            } else {
                let shown = [titles.map { $0.map { (97...122).contains($0) ? $0 - 32 : $0 } }] + rows
                let widths = titles.indices.map { place in min(60, shown.map { $0[place].count }.max() ?? 0) }
                for row in shown { printer.line(Array(zip(row.map { $0.isEmpty ? [45] : $0 }, widths))) }
            }
            printer.flush()
        }
    }
}
