// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Wire

/// `loginward signals`: the attacks that the running daemon has found.
struct SignalsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "signals", abstract: "List attacks on accounts, or print one with everything that is known of it.",
        discussion: "Without an id one line each, newest first. With an id its evidence, accounts and traits.")

    @Argument(help: "The id of one signal, as signal-0001.")
    var id: String?
    @OptionGroup var option: AdminOption
    @Flag(name: .long, help: "Print JSON.")
    var json = false
    @Flag(name: .long, help: "Print the accounts of one signal as CSV: name and whether it was taken.")
    var csv = false

    func validate() throws {
        if csv && id == nil { throw ValidationError("--csv needs the id of a signal") }
    }

    func run() throws {
        let answer = try option.ask("GET", "/api/v1/signals")
        if answer.status != 200 || (json && id == nil) {
            Terminal.write(answer.body, to: answer.status == 200 ? 1 : 2)
            if answer.status != 200 { throw ExitCode(ExitStatus.failure) }
            return
        }
        let lines = answer.body.split(separator: 10).map(Array.init)
        guard let id else {
            for line in lines { print(Self.summary(line)) }
            if lines.isEmpty { print("no attack was seen") }
            return
        }
        guard let line = lines.first(where: { Self.values($0).text("id") == id }) else {
            Terminal.error("loginward: there is no signal \(id) among the newest \(lines.count)")
            throw ExitCode(ExitStatus.failure)
        }
        if json {
            Terminal.write(line + [10], to: 1)
            return
        }
        let accounts = Self.texts("accounts_targeted", line)
        let taken = Set(Self.texts("compromised", line))
        if csv {
            print("account,compromised", terminator: "\r\n")
            for account in accounts { print("\(Self.cell(account)),\(taken.contains(account))", terminator: "\r\n") }
            return
        }
        print(Self.summary(line))
        let values = Self.values(line)
        if !values.text("restraint").isEmpty { print("held back: \(values.text("restraint"))") }
        for trait in Self.traits(line) { print("trait: \(trait)") }
        for account in accounts { print(taken.contains(account) ? "compromised: \(account)" : "targeted: \(account)") }
    }

    static func summary(_ line: [UInt8]) -> String {
        let values = values(line)
        return "\(values.text("id"))  \(values.text("severity"))  \(values.text("state"))  \(values.text("type")): "
            + "\(values.text("attempts")) attempts, \(values.text("stopped")) stopped, \(values.text("accounts")) accounts, "
            + "\(texts("compromised", line).count) compromised"
    }

    /// The fields before the long lists; the lists may hold more than is read.
    private static func values(_ line: [UInt8]) -> Fields { Fields(values: JSONValues(line)) }

    private struct Fields {
        let values: JSONValues

        func text(_ name: String) -> String { values.text(name) ?? "" }
    }

    /// The texts of an array at the top of an object that this program wrote.
    static func texts(_ key: String, _ line: [UInt8], from start: Int = 0) -> [String] {
        let wanted = Array("\"\(key)\":[".utf8)
        guard let place = find(wanted, line, from: start) else { return [] }
        var cursor = place + wanted.count
        var list: [String] = []
        while cursor < line.count, line[cursor] == 34 {
            var text: [UInt8] = []
            guard (try? JSONText.readString(line.span, &cursor, into: &text)) != nil else { break }
            list.append(String(decoding: text, as: UTF8.self))
            if cursor < line.count, line[cursor] == UInt8(ascii: ",") { cursor += 1 }
        }
        return list
    }

    private static func traits(_ line: [UInt8]) -> [String] {
        var list: [String] = []
        let key = Array("\"all\":[".utf8)
        var from = find(Array("\"traits\":[".utf8), line, from: 0) ?? line.count
        while let place = find(key, line, from: from) {
            list.append(texts("all", line, from: place).joined(separator: " and "))
            from = place + key.count
        }
        return list
    }

    private static func find(_ wanted: [UInt8], _ line: [UInt8], from start: Int) -> Int? {
        var index = start
        while index + wanted.count <= line.count {
            if line[index] == wanted[0] && line[index..<(index + wanted.count)].elementsEqual(wanted) { return index }
            index += 1
        }
        return nil
    }

    private static func cell(_ text: String) -> String {
        "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
