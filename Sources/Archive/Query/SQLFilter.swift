// SPDX-License-Identifier: Apache-2.0
import Logins
import Wire

/// A filter as SQL over `events`. Values are bound, never written into the text. What only concerns shapes is asked of `shapes` once and not of
/// every event: its answer is a short list of numbers. A value, made for one question.
struct SQLFilter {
    private(set) var sql = "1"
    private(set) var values: [SQLValue] = []

    private enum Side {
        case event, shape
    }

    init(_ filter: EventFilter) {
        let (condition, side) = compile(filter)
        sql = side == .shape ? SQLFilter.overShapes(condition) : condition
    }

    private static func overShapes(_ condition: String) -> String {
        condition == "1" ? "1" : "shape IN (SELECT number FROM shapes WHERE \(condition))"
    }

    private mutating func add(_ value: SQLValue) -> String {
        values.append(value)
        return "?\(values.count)"
    }

    private mutating func compile(_ filter: EventFilter) -> (String, Side) {
        switch filter {
        case .everything: return ("1", .shape)
        case .all(let filters): return join(filters, " AND ")
        case .any(let filters): return join(filters, " OR ")
        case .not(let filter):
            let (condition, side) = compile(filter)
            return ("NOT \(condition)", side)
        case .test(let field, let test): return compile(field, test)
        }
    }

    private mutating func join(_ filters: [EventFilter], _ word: String) -> (String, Side) {
        var shapes: [String] = []
        var events: [String] = []
        for filter in filters {
            let (condition, side) = compile(filter)
            if side == .shape { shapes.append(condition) } else { events.append(condition) }
        }
        let together = "(\(shapes.joined(separator: word)))"
        if events.isEmpty { return (together, .shape) }
        if !shapes.isEmpty { events.append(SQLFilter.overShapes(together)) }
        return ("(\(events.joined(separator: word)))", .event)
    }

    private mutating func compile(_ field: EventField, _ test: EventTest) -> (String, Side) {
        switch field {
        case .time: return (time(test), .event)
        case .clientIP: return (address("client", test), .event)
        case .peerIP: return (address("(CASE peer WHEN -1 THEN client ELSE peer END)", test), .event)
        case .duration:
            guard case .numbers(let first, let last) = test else { return ("1", .event) }
            return ("duration BETWEEN \(add(.integer(first))) AND \(add(.integer(last)))", .event)
        case .status:
            guard case .numbers(let first, let last) = test else { return ("status > 0", .shape) }
            return ("(status > 0 AND status BETWEEN \(add(.integer(first))) AND \(add(.integer(last))))", .shape)
        case .exists:
            if case .flag(let wanted) = test { return ("exists_ = \(wanted ? 1 : 0)", .shape) }
            return ("exists_ >= 0", .shape)
        case .blocked:
            let block = LoginEvent.Action.block.rawValue
            if case .flag(let wanted) = test { return ("action \(wanted ? "=" : "<>") \(block)", .shape) }
            return ("1", .shape)
        case .action: return (raw("action", test, SQLFilter.actions), .shape)
        case .version: return (raw("version", test, SQLFilter.versions), .shape)
        case .headerNames:
            guard case .text(let name) = test else { return ("header_names <> ''", .shape) }
            return (
                "instr(char(10) || header_names || char(10), char(10) || \(add(.text(name))) || char(10)) > 0", .shape
            )
        default: break
        }
        let (column, side) = column(field)
        return (text(column, test, side), side)
    }

    /// The column, or what stands for it, that has a field's text.
    private mutating func column(_ field: EventField) -> (String, Side) {
        switch field {
        case .id: return ("id", .event)
        case .login: return ("login", .event)
        case .userID: return ("user_id", .event)
        case .requestID: return ("request_id", .event)
        case .fingerprintSession: return ("session", .event)
        case .tag(let name):
            if name.elementsEqual("outcome".utf8) {
                return ("(CASE outcome WHEN \(LoginOutcome.unknown.rawValue) THEN 'unknown' ELSE '' END)", .shape)
            }
            let path = Array("$.\"".utf8) + name + Array("\"".utf8)
            return ("json_extract(tags, \(add(.text(path))))", .event)
        default:
            return (EventShape.columns.first { $0.field == field }?.name ?? "''", .shape)
        }
    }

    /// Never NULL: what is unknown passes no test, and passes the test's exclusion.
    private mutating func text(_ column: String, _ test: EventTest, _ side: Side) -> String {
        switch test {
        case .text(let value):
            let place = add(.text(value))
            return side == .event ? "(\(column) IS \(place))" : "(\(column) = \(place))"
        case .pattern(let pattern):
            let condition = "\(column) GLOB \(add(.text(SQLFilter.glob(pattern))))"
            return side == .event
                ? "((\(condition)) IS TRUE)" : "(\(column) <> '' AND \(condition))"
        default:
            return side == .event ? "(\(column) IS NOT NULL)" : "(\(column) <> '')"
        }
    }

    private static func glob(_ pattern: TextPattern) -> [UInt8] {
        pattern.letters.flatMap { letter -> [UInt8] in
            switch letter {
            case .many: [UInt8(ascii: "*")]
            case .one: [UInt8(ascii: "?")]
            case .byte(let byte):
                // A sign of GLOB, taken literally, is a class of one.
                "*?[".utf8.contains(byte) ? [UInt8(ascii: "["), byte, UInt8(ascii: "]")] : [byte]
            }
        }
    }

    private mutating func time(_ test: EventTest) -> String {
        guard case .numbers(let first, let last) = test else { return "1" }
        return "(key BETWEEN \(add(.integer(Layout.key(microseconds: first)))) AND "
            + "\(add(.integer(last < 0 ? -1 : Layout.lastKey(microseconds: last)))))"
    }

    private mutating func address(_ column: String, _ test: EventTest) -> String {
        guard case .addresses(let first, let last) = test else { return "(\(column) IS NOT NULL)" }
        var parts: [String] = []
        let lowest = max(first, IPAddress(v4: 0))
        let highest = min(last, IPAddress(v4: .max))
        if !(highest < lowest) {
            parts.append(
                "\(column) BETWEEN \(add(.integer(Int64(lowest.v4)))) AND \(add(.integer(Int64(highest.v4))))")
        }
        if !(first.isIPv4 && last.isIPv4) {
            parts.append(
                "\(column) BETWEEN \(add(.blob(EventRow.bytes(first)))) AND \(add(.blob(EventRow.bytes(last))))")
        }
        return "((\(parts.joined(separator: " OR "))) IS TRUE)"
    }

    private static let actions = [LoginEvent.Action.allow, .block, .monitor, .refuse, .fail].map {
        (text: "\($0.text)", number: Int64($0.rawValue))
    }
    private static let versions = [HTTPVersion.http10, .http11, .http2].map {
        (text: "\($0.text)", number: Int64($0.rawValue))
    }

    /// A column of a few known values, by their texts.
    private func raw(_ column: String, _ test: EventTest, _ known: [(text: String, number: Int64)]) -> String {
        let numbers = known.filter { value in
            switch test {
            case .text(let wanted): value.text.utf8.elementsEqual(wanted)
            case .pattern(let pattern): pattern.matches(Array(value.text.utf8).span)
            default: true
            }
        }
        return "(\(column) IN (\(numbers.map { "\($0.number)" }.joined(separator: ","))))"
    }
}
