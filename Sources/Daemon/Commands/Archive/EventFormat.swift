// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Logins
import Wire

/// How events and counts are printed.
enum EventFormat: String, ExpressibleByArgument, CaseIterable {
    /// For people.
    case table
    /// One object a line.
    case json
    /// RFC 4180, with a line of names.
    case csv
}

/// Prints events as they come, in blocks. Belongs to one command.
final class EventPrinter {
    private let format: EventFormat
    private let descriptor: Int32
    private var out = ByteBuffer()
    private(set) var count = 0

    private static let blockBytes = 256 * 1024
    private static let csvFields: [EventField] = EventField.named.map(\.field)
    private static let tableColumns: [(title: String, field: EventField, width: Int)] = [
        ("TIME", .time, 23), ("EVENT", .event, 20), ("LOGIN", .login, 24), ("CLIENT", .clientIP, 15),
        ("STATUS", .status, 6), ("VERDICT", .action, 7), ("SERVICE", .service, 10), ("USER AGENT", .userAgent, 40),
    ]

    init(_ format: EventFormat, to descriptor: Int32 = 1) {
        self.format = format
        self.descriptor = descriptor
        switch format {
        case .json: break
        case .csv: row(EventPrinter.csvFields.map { Array($0.name.utf8) })
        case .table: line(EventPrinter.tableColumns.map { (Array($0.title.utf8), $0.width) })
        }
    }

    func print(_ event: LoginEvent) {
        count += 1
        switch format {
        case .json:
            event.writeJSON(to: &out)
            out.append("\n")
        case .csv: row(EventPrinter.csvFields.map { cell(event, $0) })
        case .table:
            line(
                EventPrinter.tableColumns.map { column in
                    let text = event.text(of: column.field) ?? [45]
                    return (column.field == .time ? Array(text.prefix(19)) + Array(text[19..<23]) : text, column.width)
                })
        }
        if out.bytes.count >= EventPrinter.blockBytes { flush() }
    }

    func flush() {
        var bytes: [UInt8] = []
        bytes.append(out.bytes)
        Terminal.write(bytes, to: descriptor)
        out.removeAll()
    }

    private func cell(_ event: LoginEvent, _ field: EventField) -> [UInt8] {
        let text = event.text(of: field) ?? []
        return field == .headerNames ? text.map { $0 == 10 ? 32 : $0 } : text
    }

    /// A line of CSV.
    func row(_ cells: [[UInt8]]) {
        for (index, cell) in cells.enumerated() {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            if cell.contains(where: { $0 == 34 || $0 == 44 || $0 == 10 || $0 == 13 }) {
                out.append(UInt8(ascii: "\""))
                for byte in cell {
                    if byte == 34 { out.append(byte) }
                    out.append(byte)
                }
                out.append(UInt8(ascii: "\""))
            } else {
                out.append(cell.span)
            }
        }
        out.append("\r\n")
    }

    /// A line of a table: cells are filled up to their width, what is longer runs over.
    func line(_ cells: [(text: [UInt8], width: Int)]) {
        for (index, cell) in cells.enumerated() {
            // A control character of somebody's user agent is not for the terminal.
            let text = Array(
                String(decoding: cell.text, as: UTF8.self).unicodeScalars.map { scalar in
                    scalar.value < 32 || (0x7f..<0xa0).contains(scalar.value) ? "?" : Character(scalar)
                })
            out.append(Array(String(text).utf8).span)
            if index + 1 < cells.count {
                for _ in 0..<(max(0, cell.width - text.count) + 2) { out.append(UInt8(ascii: " ")) }
            }
        }
        out.append("\n")
    }
}
