// SPDX-License-Identifier: Apache-2.0
import Admin
import ArgumentParser
import Rules
import Wire

/// The lists of a running daemon, asked for and changed over its admin listener by one command.
struct ListClient {
    let list: ListName
    let option: AdminOption

    struct Answer {
        var entries: [ListEntry] = []
        var overlay = ""
        var inFiles = ""
    }

    /// Entries that go in one request.
    private static let batch = 20_000

    /// A value as it is typed, or as `list` prints it, with quotes.
    static func subject(_ text: String) throws -> ListSubject {
        var bytes = Array(text.utf8)
        if let split = bytes.firstIndex(of: UInt8(ascii: "=")), split + 2 < bytes.count, bytes[split + 1] == 34,
            bytes.last == 34
        {
            bytes.removeLast()
            bytes.remove(at: split + 1)
        }
        switch ListSubject.parse(bytes.span) {
        case .success(let subject): return subject
        case .failure(let mistake):
            throw ValidationError(mistake.what + (mistake.hint.map { " (\($0))" } ?? ""))
        }
    }

    static func oneLine(_ text: String) -> [UInt8] { text.utf8.map { $0 < 32 ? 32 : $0 } }

    /// Changes entries; a failure says why and ends the command.
    func send(_ method: String, _ path: String, _ entries: [ListEntry]) throws {
        var done = 0
        while done < entries.count {
            let part = entries[done..<min(done + ListClient.batch, entries.count)]
            do {
                _ = try ask(method, "/api/v1/lists\(path)?list=\(list.word)", part)
            } catch {
                if done > 0 { Terminal.error("loginward: \(done) of \(entries.count) entries were taken before that") }
                throw error
            }
            done += part.count
        }
        let verb = method == "DELETE" ? "removed" : path.isEmpty ? "added" : "extended"
        Terminal.write(Array("\(verb) \(entries.count) of the \(list.word)list\n".utf8), to: 1)
    }

    func preview(_ entries: [ListEntry], hours: Int) throws {
        let answer = try ask("POST", "/api/v1/lists/preview?list=\(list.word)&hours=\(hours)", entries[...])
        var text = ""
        var number = 0
        while let value = answer.text("entries.\(number).value") {
            if answer.text("entries.\(number).unknown") != nil {
                text += "\(value): unknown, the archive does not keep it\n"
            } else {
                let requests = answer.text("entries.\(number).requests") ?? "0"
                let successes = answer.text("entries.\(number).successful_logins") ?? "0"
                text += "\(value): \(requests) login attempts, \(successes) of them successful\n"
            }
            number += 1
        }
        let verb = list == .deny ? "would have stopped" : "would have let pass"
        text +=
            "in the last \(hours) h the entries \(verb) \(answer.text("requests") ?? "0") login attempts, "
            + "\(answer.text("successful_logins") ?? "0") of them successful\n"
        Terminal.write(Array(text.utf8), to: 1)
    }

    private func ask(_ method: String, _ path: String, _ entries: ArraySlice<ListEntry>) throws -> JSONValues {
        let body = Array((entries.map(\.line).joined(separator: "\n") + "\n").utf8)
        let answer = try option.ask(method, path, body: body, contentType: Lists.contentType)
        let values = JSONValues(answer.body)
        if answer.status != 200 { throw failure(values) }
        return values
    }

    private func failure(_ values: JSONValues) -> ExitCode {
        Terminal.error("loginward: \(values.text("title") ?? "the daemon gave no reason")")
        var number = 0
        while let problem = values.text("problems.\(number)") {
            Terminal.error("  \(problem)")
            number += 1
        }
        return ExitCode(ExitStatus.failure)
    }

    func show(match: String?, files: Bool, limit: Int) throws -> Answer {
        var path = "/api/v1/lists?list=\(list.word)&limit=\(limit)"
        if files { path += "&files=1" }
        if let match { path += "&match=\(ListClient.escape(match))" }
        let answer = try option.ask("GET", path)
        if answer.status != 200 { throw failure(JSONValues(answer.body)) }
        let read = ListFormat.json.read(answer.body)
        let values = JSONValues(Array(answer.body.prefix(200)))
        return Answer(
            entries: read.entries, overlay: values.number("overlay_entries"), inFiles: values.number("file_entries"))
    }

    static func escape(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF")
        return text.utf8.reduce(into: "") { out, byte in
            let isPlain = byte >= 48 && byte <= 57 || byte | 32 >= 97 && byte | 32 <= 122
            out +=
                isPlain
                ? String(UnicodeScalar(byte)) : "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
        }
    }
}

/// An answer of the daemon, by dotted names.
struct JSONValues {
    private var values = NamedValues()
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        // What cannot be read holds nothing.
        try? JSONReader.read(bytes.span, into: &values)
    }

    func text(_ name: String) -> String? {
        values.first(named: name.utf8.span).map {
            String(decoding: values.arena[values.entries[$0].value.bounds], as: UTF8.self)
        }
    }

    /// The digits behind `"name":`, also in the beginning of a longer answer.
    func number(_ name: String) -> String {
        let key = Array("\"\(name)\":".utf8)
        var place = 0
        while place + key.count <= bytes.count {
            if bytes[place..<(place + key.count)].elementsEqual(key) {
                let digits = bytes[(place + key.count)...].prefix { $0 >= 48 && $0 <= 57 }
                return String(decoding: digits, as: UTF8.self)
            }
            place += 1
        }
        return "0"
    }
}
