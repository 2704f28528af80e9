// SPDX-License-Identifier: Apache-2.0
package import Logins

/// Reads the archive over a connection of its own, beside the daemon that writes or without one. Confined to one thread.
package final class EventReader {
    private let database: Database
    /// Shapes that were met, as events without anything of their own.
    private var shapes: [Int64: LoginEvent] = [:]
    /// Bits of a key behind the microseconds of its time.
    package static let keyBits = Layout.keyBits
    private static let shapeLimit = 50_000

    /// Throws when there is no archive at `path`, or one that this version cannot read.
    package init(path: String) throws(ArchiveFault) {
        database = try Database(path: path, isReading: true)
        let found = try database.number("PRAGMA user_version")
        guard found == Layout.version else {
            throw ArchiveFault(
                operation: "archive",
                detail: found > Layout.version
                    ? "it was written by a newer version (layout \(found))"
                    : "it has the layout of an older version: the daemon moves it over when it starts")
        }
        try database.execute("PRAGMA mmap_size=1073741824")
    }

    /// Cuts off every question that takes longer; nil: none.
    package func limit(_ time: Duration?) { database.limit(time) }

    package enum Order: Sendable {
        case oldestFirst, newestFirst
    }

    /// Gives every event that `filter` means to `body` until it says false. Nothing is held but the event at hand.
    package func read(
        _ filter: EventFilter, _ order: Order, after key: Int64 = .min,
        _ body: (LoginEvent, _ key: Int64) throws -> Bool
    ) throws {
        let compiled = SQLFilter(filter)
        let statement = try Statement(
            database,
            """
            SELECT \(EventRow.columns) FROM events WHERE key > ?\(compiled.values.count + 1) AND \(compiled.sql) \
            ORDER BY key \(order == .newestFirst ? "DESC" : "ASC")
            """, compiled.values + [.integer(key)])
        while try statement.step() {
            let event = EventRow.event(statement, try shape(statement.integer(1)))
            if try !body(event, statement.integer(0)) { return }
        }
    }

    /// One group of a count: its keys (nil: unknown) and how many there are.
    package struct Group: Equatable, Sendable {
        package var keys: [[UInt8]?]
        package var count: Int
    }

    package func count(_ query: EventQuery) throws(ArchiveFault) -> [Group] {
        let count = query.count ?? EventCount()
        let compiled = SQLCount(query, count)
        let statement = try Statement(database, compiled.sql, compiled.values)
        var groups: [Group] = []
        while try statement.step() {
            groups.append(
                Group(
                    keys: count.keys.indices.map { compiled.text(statement, $0) },
                    count: Int(statement.integer(Int32(count.keys.count)))))
        }
        return groups
    }

    private func shape(_ number: Int64) throws(ArchiveFault) -> LoginEvent {
        if let known = shapes[number] { return known }
        let row = try Statement(
            database,
            "SELECT \(EventShape.columns.map(\.name).joined(separator: ", ")) FROM shapes WHERE number = ?",
            [.integer(number)])
        // A shape that is not there was pruned between two looks, with its events.
        let event = try row.step() ? EventShape(row, from: 0).event : LoginEvent(capacity: 0)
        if shapes.count >= EventReader.shapeLimit { shapes.removeAll(keepingCapacity: true) }
        shapes[number] = event
        return event
    }
}
