// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Rules
import Wire

/// How entries are printed and read. What `json`, `csv` and `lines` print, `import` reads.
enum ListFormat: String, ExpressibleByArgument, CaseIterable {
    case table, json, csv, lines

    private static let columns = ["value", "expires", "reason", "source", "time", "mode"]

    /// By the end of a file's name.
    init(fileName: String) { self = fileName.hasSuffix(".json") ? .json : fileName.hasSuffix(".csv") ? .csv : .lines }

    // MARK: Writing

    func write(_ entries: [ListEntry]) -> String {
        switch self {
        case .lines: return entries.map { $0.line + "\n" }.joined()
        case .json:
            let objects = entries.map { entry in
                var writer = JSONWriter()
                entry.write(to: &writer, isOverlay: nil)
                return String(decoding: writer.bytes, as: UTF8.self)
            }
            return "[" + objects.joined(separator: ",\n") + "]\n"
        case .csv:
            let rows = entries.map { ListFormat.cells($0).map(ListFormat.quote).joined(separator: ",") }
            return ([ListFormat.columns.joined(separator: ",")] + rows).joined(separator: "\r\n") + "\r\n"
        case .table:
            let rows = [ListFormat.columns.map { $0.uppercased() }] + entries.map(ListFormat.cells)
            let order = [0, 1, 5, 3, 4, 2]
            let widths = order.map { column in rows.map { $0[column].count }.max() ?? 0 }
            return rows.map { row in
                var line = ""
                for (place, column) in order.enumerated() {
                    // A control character of somebody's user agent is not for the terminal.
                    let text = String(row[column].map { $0.isASCII && ($0.asciiValue ?? 32) < 32 ? "?" : $0 })
                    line += text + String(repeating: " ", count: max(0, widths[place] - text.count) + 2)
                }
                while line.last == " " { line.removeLast() }
                return line + "\n"
            }.joined()
        }
    }

    private static func cells(_ entry: ListEntry) -> [String] {
        [
            "\(entry.subject)", entry.expires < .max ? ListEntry.time(entry.expires) : "-",
            String(decoding: entry.reason, as: UTF8.self), String(decoding: entry.source, as: UTF8.self),
            entry.time > 0 ? ListEntry.time(entry.time) : "", entry.isMonitored ? "monitored" : "",
        ]
    }

    private static func quote(_ cell: String) -> String {
        let needsQuotes = cell.utf8.contains { $0 == 34 || $0 == 44 || $0 == 10 || $0 == 13 }
        return needsQuotes
            ? "\"" + cell.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
            : cell
    }

    // MARK: Reading

    /// Mistakes begin with the number of their line or object.
    func read(_ bytes: [UInt8]) -> (entries: [ListEntry], mistakes: [String]) {
        var entries: [ListEntry] = []
        var mistakes: [String] = []
        func take(_ number: Int, _ line: [UInt8]) {
            do throws(ListMistake) {
                if let entry = try DenylistReader.readLine(line.span) { entries.append(entry) }
            } catch {
                mistakes.append("\(number): \(error.what)" + (error.hint.map { " (\($0))" } ?? ""))
            }
        }
        func take(_ number: Int, _ cells: [String: String]) {
            guard let value = cells["value"] else {
                mistakes.append("\(number): there is no \"value\"")
                return
            }
            do throws(ListMistake) { entries.append(try ListFormat.entry(value, cells)) } catch {
                mistakes.append("\(number): \(error.what)" + (error.hint.map { " (\($0))" } ?? ""))
            }
        }
        switch self {
        case .table: mistakes.append("1: a table is for reading only")
        case .lines:
            for (number, line) in bytes.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
                take(number + 1, Array(line))
            }
        case .csv:
            let rows = ListFormat.rows(bytes)
            guard let names = rows.first, names.contains("value") else {
                return ([], ["1: the first row names the columns, one of them \"value\""])
            }
            for (number, row) in rows.enumerated().dropFirst() {
                take(number + 1, Dictionary(zip(names, row)) { first, _ in first })
            }
        case .json:
            for (number, object) in ListFormat.objects(bytes).enumerated() {
                var values = NamedValues()
                do throws(ContentError) { try JSONReader.read(object.span, into: &values) } catch {
                    mistakes.append("\(number + 1): this is no JSON object")
                    continue
                }
                var cells: [String: String] = [:]
                for entry in values.entries {
                    cells[String(decoding: values.arena[entry.name.bounds], as: UTF8.self)] = String(
                        decoding: values.arena[entry.value.bounds], as: UTF8.self)
                }
                take(number + 1, cells)
            }
        }
        return (entries, mistakes)
    }

    private static func entry(_ value: String, _ cells: [String: String]) throws(ListMistake) -> ListEntry {
        let plain = Array(value.utf8.filter { $0 != 34 })
        var entry = ListEntry(subject: try ListSubject.parse(plain.span).get())
        if let text = cells["expires"], text != "-", !text.isEmpty {
            guard let time = Timestamp.parse(text.utf8.span) else { throw ListMistake("\"\(text)\" is not a time") }
            entry.expires = time
        }
        if let text = cells["time"], !text.isEmpty {
            guard let time = Timestamp.parse(text.utf8.span) else { throw ListMistake("\"\(text)\" is not a time") }
            entry.time = time
        }
        let mode = cells["mode"] ?? ""
        if !["", "block", "monitored"].contains(mode) { throw ListMistake("mode must be block or monitored") }
        entry.isMonitored = mode == "monitored"
        entry.reason = ListClient.oneLine(cells["reason"] ?? "")
        entry.source = ListClient.oneLine(cells["source"] ?? "").filter { $0 != 32 }
        return entry
    }

    /// The innermost objects of a JSON text, each by itself, so that a list may be longer than what one reading takes.
    private static func objects(_ bytes: [UInt8]) -> [[UInt8]] {
        var found: [[UInt8]] = []
        var start: Int?
        var inString = false
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if inString {
                if byte == UInt8(ascii: "\\") { index += 1 } else if byte == 34 { inString = false }
            } else if byte == 34 {
                inString = true
            } else if byte == UInt8(ascii: "{") {
                start = index
            } else if byte == UInt8(ascii: "}"), let from = start {
                found.append(Array(bytes[from...index]))
                start = nil
            }
            index += 1
        }
        return found
    }

    /// RFC 4180.
    private static func rows(_ bytes: [UInt8]) -> [[String]] {
        var rows: [[String]] = []
        var row: [String] = []
        var cell: [UInt8] = []
        var inQuotes = false
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if inQuotes {
                if byte != 34 {
                    cell.append(byte)
                } else if index + 1 < bytes.count && bytes[index + 1] == 34 {
                    cell.append(34)
                    index += 1
                } else {
                    inQuotes = false
                }
            } else if byte == 34 {
                inQuotes = true
            } else if byte == 44 {
                row.append(String(decoding: cell, as: UTF8.self))
                cell = []
            } else if byte == 10 {
                row.append(String(decoding: cell, as: UTF8.self))
                cell = []
                if row != [""] { rows.append(row) }
                row = []
            } else if byte != 13 {
                cell.append(byte)
            }
            index += 1
        }
        row.append(String(decoding: cell, as: UTF8.self))
        if row != [""] { rows.append(row) }
        return rows
    }
}
