// SPDX-License-Identifier: Apache-2.0

/// How the archive lies on the disk. Stateless.
///
/// Three in four columns of an event are the same for every login of one client program at one place: they stand once, in a row of `shapes`.
/// A row of `events` has what is its own, and nothing but its primary key is an index: the key is the time, so events are
/// appended and a span of time is a span of the file.
enum Layout {
    /// `PRAGMA user_version`. 0 is the first layout (JSON texts under three indexes), which `OldLayout` moves over.
    static let version: Int64 = 2

    /// Bits of the key behind the microseconds since 1970: different events of one microsecond. Good until 2112.
    static let keyBits: Int64 = 11

    static let pragmas = [
        // Takes effect in a new file only: room that retention frees can be given back.
        "PRAGMA auto_vacuum=INCREMENTAL", "PRAGMA page_size=8192", "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=NORMAL",
        // What is erased is overwritten.
        "PRAGMA secure_delete=ON", "PRAGMA cache_size=-16384", "PRAGMA journal_size_limit=16777216",
    ]

    static let tables = [
        """
        CREATE TABLE IF NOT EXISTS shapes (number INTEGER PRIMARY KEY, hash INTEGER NOT NULL, day INTEGER NOT NULL, \
        \(EventShape.columns.map { "\($0.name) \($0.isText ? "TEXT" : "INTEGER") NOT NULL" }.joined(separator: ", ")))
        """,
        "CREATE INDEX IF NOT EXISTS shapes_hash ON shapes(hash)",
        """
        CREATE TABLE IF NOT EXISTS events (key INTEGER PRIMARY KEY, shape INTEGER NOT NULL, client, login TEXT, user_id TEXT, peer, \
        id TEXT NOT NULL, request_id TEXT, session TEXT, tags TEXT, duration INTEGER NOT NULL, time INTEGER)
        """,
    ]

    static let oldTable = "events_old"

    /// Makes a new file, or finds out what an old one is.
    static func prepare(_ database: Database) throws(ArchiveFault) {
        for pragma in pragmas { try database.execute(pragma) }
        let found = try database.number("PRAGMA user_version")
        if found > version {
            throw ArchiveFault(
                operation: "archive",
                detail: "it was written by a newer version (layout \(found)); move it away or update")
        }
        if found == version { return }
        try database.execute("BEGIN IMMEDIATE")
        do throws(ArchiveFault) {
            let isOld =
                try database.number("SELECT COUNT(*) FROM pragma_table_info('events') WHERE name = 'json'") > 0
            if isOld {
                for index in ["events_time", "events_login", "events_client"] {
                    try database.execute("DROP INDEX IF EXISTS \(index)")
                }
                try database.execute("ALTER TABLE events RENAME TO \(oldTable)")
            }
            for table in tables { try database.execute(table) }
            try database.execute("PRAGMA user_version=\(version)")
            try database.execute("COMMIT")
        } catch {
            try? database.execute("ROLLBACK")
            throw error
        }
    }

    static func key(microseconds: Int64) -> Int64 {
        let most = Int64.max >> keyBits
        return min(max(microseconds, 0), most) << keyBits
    }

    /// The last key of a microsecond.
    static func lastKey(microseconds: Int64) -> Int64 { key(microseconds: microseconds) | (1 << keyBits - 1) }
}
