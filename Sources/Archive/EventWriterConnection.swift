// SPDX-License-Identifier: Apache-2.0
import Logins
import Wire

/// The one connection that writes events, and deletes them when they are too old or too many. Confined to the store's queue.
final class EventWriterConnection {
    private let database: Database
    private let retention: EventStore.Retention
    private let shapes: ShapeTable
    private let insertion: Statement
    private let idOfKey: Statement
    /// Events in the file.
    private var count: Int
    private var storedSincePruning = 0
    private(set) var hasOldEvents: Bool

    /// Places that are tried for an event whose own is taken.
    private static let attempts: UInt64 = 64
    /// Events that are deleted or moved in one transaction.
    private static let portion = 20_000
    private static let storedBetweenPrunings = 100_000

    init(path: String, retention: EventStore.Retention) throws(ArchiveFault) {
        self.retention = retention
        database = try Database(path: path, isReading: false)
        try Layout.prepare(database)
        shapes = try ShapeTable(database)
        insertion = try Statement(database, EventRow.insertion)
        idOfKey = try Statement(database, "SELECT id FROM events WHERE key = ?")
        count = Int(try database.number("SELECT COUNT(*) FROM events"))
        hasOldEvents =
            try database.number("SELECT COUNT(*) FROM sqlite_master WHERE name = '\(Layout.oldTable)'") > 0
    }

    private func transaction<Result>(_ body: () throws(ArchiveFault) -> Result) throws(ArchiveFault) -> Result {
        try database.execute("BEGIN IMMEDIATE")
        do throws(ArchiveFault) {
            let result = try body()
            try database.execute("COMMIT")
            return result
        } catch {
            try? database.execute("ROLLBACK")
            shapes.forget()
            throw error
        }
    }

    // MARK: Storing

    func store(_ events: [LoginEvent]) throws(ArchiveFault) {
        let new = try transaction { () throws(ArchiveFault) in
            var new = 0
            for event in events where try insert(event) { new += 1 }
            return new
        }
        count += new
        storedSincePruning += new
    }

    /// So many events came that it is time to look at the limits.
    var isGrown: Bool { storedSincePruning >= EventWriterConnection.storedBetweenPrunings }

    /// False: it was there already.
    private func insert(_ event: LoginEvent) throws(ArchiveFault) -> Bool {
        let shape = try shapes.number(of: EventShape(event), day: event.unixNanoseconds / 86_400_000_000_000)
        for attempt in 0..<EventWriterConnection.attempts {
            let key = EventRow.key(event, attempt: attempt)
            EventRow.bind(event, key: key, shape: shape, to: insertion)
            try insertion.run()
            if database.changes > 0 { return true }
            idOfKey.bind(1, .integer(key))
            defer { idOfKey.reset() }
            if try idOfKey.step(), idOfKey.bytes(0) == Array(event.bytes[event.texts.id.bounds]) { return false }
        }
        throw ArchiveFault(operation: "insert", detail: "too many events of one moment")
    }

    // MARK: Pruning

    /// Deletes a portion of what is too old or too much; true: there is more to delete.
    func prune(unixSeconds: Int64) throws(ArchiveFault) -> Bool {
        storedSincePruning = 0
        let oldest = Layout.key(microseconds: (unixSeconds - retention.age.components.seconds) * 1_000_000)
        var isDone = true
        let aged = try delete("key < ?", .integer(oldest), most: EventWriterConnection.portion)
        if aged == EventWriterConnection.portion { isDone = false }
        let surplus = max(count - retention.events, try surplusOfBytes())
        if isDone && surplus > 0 {
            _ = try delete("key <= ?", .integer(.max), most: min(surplus, EventWriterConnection.portion))
            if surplus > EventWriterConnection.portion { isDone = false }
        }
        if isDone { try tidy() }
        return !isDone
    }

    /// Deletes the oldest events of a condition, at most so many.
    private func delete(_ condition: String, _ value: SQLValue, most: Int) throws(ArchiveFault) -> Int {
        let deleted = try transaction { () throws(ArchiveFault) in
            let statement = try Statement(
                database,
                """
                DELETE FROM events WHERE \(condition) AND key <= \
                IFNULL((SELECT key FROM events ORDER BY key LIMIT 1 OFFSET \(most - 1)), \(Int64.max))
                """, [value])
            try statement.run()
            return database.changes
        }
        count -= deleted
        return deleted
    }

    /// How many of the oldest events must go for the file to have its size.
    private func surplusOfBytes() throws(ArchiveFault) -> Int {
        if retention.bytes == .max { return 0 }
        let pages = try database.number("PRAGMA page_count")
        let size = try (pages - database.number("PRAGMA freelist_count")) * database.number("PRAGMA page_size")
        if size <= retention.bytes || count == 0 { return 0 }
        // To nine tenths, so that it is not needed again at once.
        let share = 1 - Double(retention.bytes) * 0.9 / Double(size)
        return max(1, Int(Double(count) * share))
    }

    /// Forgets shapes that no event has any more, and gives room back to the disk.
    private func tidy() throws(ArchiveFault) {
        let first = try database.number("SELECT IFNULL(MIN(key), 0) FROM events") >> Layout.keyBits
        let isForgotten = try transaction { () throws(ArchiveFault) in
            let statement = try Statement(
                database, "DELETE FROM shapes WHERE day < ?", [.integer(first / 86_400_000_000)])
            try statement.run()
            return database.changes > 0
        }
        if isForgotten { shapes.forget() }
        let pages = try database.number("PRAGMA page_count")
        let free = try database.number("PRAGMA freelist_count")
        if free > pages / 4 && free > 256 { _ = try database.number("PRAGMA incremental_vacuum(\(free / 2))") }
    }

    // MARK: The first layout

    /// Moves a portion of the events of the first layout over, newest first; 0: all are.
    func moveOldEvents() throws(ArchiveFault) -> Int {
        guard hasOldEvents else { return 0 }
        let (moved, new) = try transaction { () throws(ArchiveFault) -> (Int, Int) in
            let rows = try Statement(database, "SELECT id, json FROM \(Layout.oldTable) ORDER BY id DESC LIMIT 2000")
            var (moved, new) = (0, 0)
            var last: [UInt8] = []
            while try rows.step() {
                moved += 1
                last = rows.bytes(0)
                if let event = OldLayout.event(rows.bytes(1)), try insert(event) { new += 1 }
            }
            if moved > 0 {
                try Statement(database, "DELETE FROM \(Layout.oldTable) WHERE id >= ?", [.text(last)]).run()
            } else {
                try database.execute("DROP TABLE \(Layout.oldTable)")
            }
            return (moved, new)
        }
        count += new
        hasOldEvents = moved > 0
        return moved
    }
}
