// SPDX-License-Identifier: Apache-2.0
import Archive
import ArgumentParser
import Logins
import Wire

/// `loginward users`.
struct UsersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "users", abstract: "What the archive knows of one account.",
        subcommands: [ShowUserCommand.self])
}

/// `loginward users show NAME`.
struct ShowUserCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "First and last seen, attempts, outcomes, addresses and clients of one account.")

    @Argument(help: "The name as it is typed, or the id that the application knows the account by.")
    var name: String
    @OptionGroup var option: ArchiveOption
    @OptionGroup var summary: SummaryOption

    func run() throws {
        let reader = try option.open()
        try summary.print(
            "account", name, Dossier.filter(ofAccount: [name]), of: reader,
            [.clientIP, .event, .service, .fingerprintHTTP, .fingerprintNetwork, .userAgent])
    }
}

/// `loginward ip`.
struct AddressCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ip", abstract: "What the archive knows of one address.", subcommands: [ShowAddressCommand.self])
}

/// `loginward ip show ADDRESS`.
struct ShowAddressCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "First and last seen, attempts, outcomes, accounts and clients of an address or network."
    )

    @Argument(help: "An address or a network: 203.0.113.9, 203.0.113.0/24, 2001:db8::/64.")
    var address: String
    @OptionGroup var option: ArchiveOption
    @OptionGroup var summary: SummaryOption

    func run() throws {
        guard IPPrefix(address) != nil else { throw ValidationError("\"\(address)\" is no address or network") }
        let query = try ArchiveOption.query(["http.client_ip:\(address)"])
        let reader = try option.open()
        try summary.print(
            "address", address, query.filter, of: reader,
            [.login, .event, .service, .fingerprintHTTP, .fingerprintNetwork, .userAgent])
    }
}

/// How a summary is printed.
struct SummaryOption: ParsableArguments {
    @Flag(name: .long, help: "Print JSON.")
    var json = false
    @Option(name: .shortAndLong, help: "How many values of each kind are named.")
    var number = 10

    func print(
        _ kind: String, _ name: String, _ filter: EventFilter, of reader: EventReader, _ fields: [EventField]
    ) throws {
        let dossier = try ArchiveOption.failing { try Dossier(filter, fields, reader) }
        if json {
            Terminal.write(dossier.json(kind, name, most: number), to: 1)
        } else if dossier.attempts == 0 && dossier.events == 0 {
            Terminal.error("loginward: the archive knows nothing of \(kind) \(name)")
            throw ExitCode(ExitStatus.failure)
        } else {
            Terminal.write(dossier.table(kind, name, most: number), to: 1)
        }
    }
}

/// What all events of one account or address say together. A value for one command.
struct Dossier {
    private(set) var events = 0
    private(set) var attempts = 0
    private(set) var blocked = 0
    private(set) var first: [UInt8] = []
    private(set) var last: [UInt8] = []
    private let fields: [EventField]
    private var values: [[[UInt8]: Int]]

    /// Different values of one kind that are told apart; what comes after them is not named.
    private static let valueLimit = 200_000

    /// Events of an account by any of these names.
    static func filter(ofAccount names: [String]) -> EventFilter {
        .any(names.flatMap { [.test(.login, .text(Array($0.utf8))), .test(.userID, .text(Array($0.utf8)))] })
    }

    init(_ filter: EventFilter, _ fields: [EventField], _ reader: EventReader) throws {
        self.fields = fields
        values = fields.map { _ in [:] }
        try reader.read(filter, .oldestFirst) { event, _ in
            take(event)
            return true
        }
    }

    private mutating func take(_ event: LoginEvent) {
        events += 1
        if event.isAttempt { attempts += 1 }
        if event.isBlocked { blocked += 1 }
        last = event.text(of: .time) ?? []
        if first.isEmpty { first = last }
        for (index, field) in fields.enumerated() {
            guard let value = event.text(of: field) else { continue }
            if values[index].count < Dossier.valueLimit || values[index][value] != nil {
                values[index][value, default: 0] += 1
            }
        }
    }

    private func largest(_ index: Int, _ most: Int) -> [(value: [UInt8], count: Int)] {
        values[index].map { (value: $0.key, count: $0.value) }
            .sorted { $0.count == $1.count ? $0.value.lexicographicallyPrecedes($1.value) : $0.count > $1.count }
            .prefix(max(0, most)).map { $0 }
    }

    func table(_ kind: String, _ name: String, most: Int) -> [UInt8] {
        var text = "\(kind): \(name)\n"
        text +=
            "first seen: \(String(decoding: first, as: UTF8.self))\nlast seen: \(String(decoding: last, as: UTF8.self))\n"
        text += "events: \(events)\nattempts: \(attempts)\nblocked: \(blocked)\n"
        for (index, field) in fields.enumerated() where !values[index].isEmpty {
            text += "\(field.name): \(values[index].count) different\n"
            for (value, count) in largest(index, most) {
                let count = "\(count)"
                // A control character of somebody's user agent is not for the terminal.
                let shown = String(decoding: value.map { $0 < 32 || $0 == 127 ? 63 : $0 }, as: UTF8.self)
                text += "  \(String(repeating: " ", count: max(0, 8 - count.utf8.count)))\(count)  \(shown)\n"
            }
        }
        return Array(text.utf8)
    }

    func json(_ kind: String, _ name: String, most: Int) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key(Array(kind.utf8).span)
        writer.string(name)
        writer.key("first_seen")
        if first.isEmpty { writer.null() } else { writer.string(first.span) }
        writer.key("last_seen")
        if last.isEmpty { writer.null() } else { writer.string(last.span) }
        writer.key("events")
        writer.number(Int64(events))
        writer.key("attempts")
        writer.number(Int64(attempts))
        writer.key("blocked")
        writer.number(Int64(blocked))
        for (index, field) in fields.enumerated() {
            writer.key(Array(field.name.utf8).span)
            writer.beginObject()
            writer.key("different")
            writer.number(Int64(values[index].count))
            writer.key("most")
            writer.beginArray()
            for (value, count) in largest(index, most) {
                writer.beginObject()
                writer.key("value")
                writer.string(value.span)
                writer.key("count")
                writer.number(Int64(count))
                writer.endObject()
            }
            writer.endArray()
            writer.endObject()
        }
        writer.endObject()
        return writer.bytes + [10]
    }
}
