// SPDX-License-Identifier: Apache-2.0

/// The numbers of shapes, for the writer. What it forgets it finds again in the file. Confined to the store's queue.
final class ShapeTable {
    private struct Known {
        var number: Int64
        var day: Int64
    }

    private let database: Database
    private let find: Statement
    private let insert: Statement
    private let touch: Statement
    private var known: [EventShape: Known] = [:]

    /// Shapes in memory: a few hundred bytes each.
    private static let limit = 20_000
    /// Shapes of one hash that are looked at.
    private static let candidates = 8

    init(_ database: Database) throws(ArchiveFault) {
        self.database = database
        let columns = EventShape.columns.map(\.name).joined(separator: ", ")
        find = try Statement(
            database,
            "SELECT number, day, \(columns) FROM shapes WHERE hash = ? ORDER BY number LIMIT \(ShapeTable.candidates)")
        let marks = (0..<(EventShape.columns.count + 2)).map { _ in "?" }.joined(separator: ",")
        insert = try Statement(
            database, "INSERT INTO shapes (hash, day, \(columns)) VALUES (\(marks)) RETURNING number")
        touch = try Statement(database, "UPDATE shapes SET day = max(day, ?) WHERE number = ?")
    }

    /// The number of `shape`, which an event of `day` (since 1970) has.
    func number(of shape: EventShape, day: Int64) throws(ArchiveFault) -> Int64 {
        if let found = known[shape] {
            if found.day < day { try keep(shape, found.number, day) }
            return found.number
        }
        let hash = shape.hash
        find.bind(1, .integer(hash))
        defer { find.reset() }
        while try find.step() {
            guard EventShape(find, from: 2) == shape else { continue }
            let number = find.integer(0)
            remember(shape, number, find.integer(1))
            if find.integer(1) < day { try keep(shape, number, day) }
            return number
        }
        for (index, value) in ([.integer(hash), .integer(day)] + shape.values).enumerated() {
            insert.bind(Int32(index + 1), value)
        }
        defer { insert.reset() }
        guard try insert.step() else { throw ArchiveFault(operation: "insert", detail: "no number came back") }
        let number = insert.integer(0)
        remember(shape, number, day)
        return number
    }

    /// What was learnt in a transaction that failed is not true.
    func forget() { known.removeAll(keepingCapacity: true) }

    /// The day of the newest event decides when a shape may go.
    private func keep(_ shape: EventShape, _ number: Int64, _ day: Int64) throws(ArchiveFault) {
        touch.bind(1, .integer(day))
        touch.bind(2, .integer(number))
        try touch.run()
        remember(shape, number, day)
    }

    private func remember(_ shape: EventShape, _ number: Int64, _ day: Int64) {
        if known.count >= ShapeTable.limit { forget() }
        known[shape] = Known(number: number, day: day)
    }
}
