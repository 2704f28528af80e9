// SPDX-License-Identifier: Apache-2.0
import Logins
import Wire

/// A count as SQL, and its rows as text. Events are first counted by shape and by what is their own; the texts of shapes come in after that, so
/// that no event has to look its shape up. A value, made for one question.
struct SQLCount {
    let sql: String
    let values: [SQLValue]
    private let count: EventCount
    /// Most groups of one answer; the largest are kept.
    static let groupLimit = 1_000_000

    init(_ query: EventQuery, _ count: EventCount) {
        self.count = count
        let filter = SQLFilter(query.filter)
        values = filter.values
        if count.keys.isEmpty && count.distinct == nil {
            sql = "SELECT COUNT(*) FROM events WHERE \(filter.sql)"
            return
        }
        var inner: [String] = ["shape"]
        var keys: [String] = []
        for (index, key) in count.keys.enumerated() {
            switch key {
            case .bucket(let width):
                inner.append("(key >> \(Layout.keyBits)) / \(width) * \(width) AS own\(index)")
                keys.append("own\(index)")
            case .field(let field):
                if let own = SQLCount.own(field) {
                    inner.append("\(own) AS own\(index)")
                    keys.append("own\(index)")
                } else {
                    keys.append(SQLCount.shared(field))
                }
            }
        }
        var number = "SUM(n)"
        if let field = count.distinct {
            if let own = SQLCount.own(field) {
                inner.append("\(own) AS counted")
                number = "COUNT(DISTINCT counted)"
            } else {
                number = "COUNT(DISTINCT \(SQLCount.shared(field)))"
            }
        }
        let places = (1...inner.count).map { "\($0)" }.joined(separator: ",")
        let groups = keys.isEmpty ? "" : "GROUP BY " + (1...keys.count).map { "\($0)" }.joined(separator: ",")
        let hasBucket = count.keys.contains { if case .bucket = $0 { true } else { false } }
        let order =
            keys.isEmpty
            ? ""
            : hasBucket && count.top == nil
                ? "ORDER BY \(SQLCount.byTime(count.keys))" : "ORDER BY \(keys.count + 1) DESC, 1"
        sql = """
            SELECT \((keys + ["IFNULL(\(number), 0)"]).joined(separator: ", ")) FROM \
            (SELECT \(inner.joined(separator: ", ")), COUNT(*) AS n FROM events WHERE \(filter.sql) GROUP BY \(places)) \
            JOIN shapes ON number = shape \(groups) \(order) LIMIT \(count.top ?? SQLCount.groupLimit)
            """
    }

    /// Buckets first, then the largest.
    private static func byTime(_ keys: [EventCount.Key]) -> String {
        let buckets = keys.indices.filter { if case .bucket = keys[$0] { true } else { false } }.map { "\($0 + 1)" }
        return (buckets + ["\(keys.count + 1) DESC"]).joined(separator: ", ")
    }

    /// What an event has of a field by itself; nil: its shape has it.
    private static func own(_ field: EventField) -> String? {
        switch field {
        case .id: "id"
        case .time: "key"
        case .login: "login"
        case .userID: "user_id"
        case .requestID: "request_id"
        case .fingerprintSession: "session"
        case .clientIP: "client"
        case .peerIP: "(CASE peer WHEN -1 THEN client ELSE peer END)"
        case .duration: "duration / 1000"
        case .tag(let name) where !name.elementsEqual("outcome".utf8):
            // A name of a tag in a query holds letters, digits, "_", ".", "-" and "@" only.
            "json_extract(tags, '$.\"\(String(decoding: name, as: UTF8.self))\"')"
        default: nil
        }
    }

    private static func shared(_ field: EventField) -> String {
        switch field {
        case .tag: "(CASE outcome WHEN \(LoginOutcome.unknown.rawValue) THEN 'unknown' END)"
        case .blocked: "(action = \(LoginEvent.Action.block.rawValue))"
        case .exists: "NULLIF(exists_, -1)"
        case .status: "NULLIF(status, 0)"
        case .version: "NULLIF(version, -1)"
        default:
            EventShape.columns.first { $0.field == field }.map { $0.isText ? "NULLIF(\($0.name), '')" : $0.name }
                ?? "NULL"
        }
    }

    /// The key at `column` of a row, as the native form would write it; nil: unknown.
    func text(_ row: Statement, _ column: Int) -> [UInt8]? {
        let place = Int32(column)
        if row.isNull(place) { return nil }
        var out: [UInt8] = []
        switch count.keys[column] {
        case .bucket: Timestamp.write(unixNanoseconds: row.integer(place) * 1_000, to: &out)
        case .field(.clientIP), .field(.peerIP): EventRow.address(row, place).write(to: &out)
        case .field(.blocked), .field(.exists): out.append(row.integer(place) == 1 ? "true" : "false")
        case .field(.action):
            if let action = LoginEvent.Action(rawValue: UInt8(clamping: row.integer(place))) { out.append(action.text) }
        case .field(.version):
            if let version = HTTPVersion(rawValue: UInt8(clamping: row.integer(place))) { out.append(version.text) }
        case .field(.headerNames): out = row.bytes(place).map { $0 == 10 ? 32 : $0 }
        default: out = Array((row.text(place) ?? "").utf8)
        }
        return out
    }
}
