// SPDX-License-Identifier: Apache-2.0
import CSQLite
import Dispatch
import Glibc
package import Logins
import Transport
import Wire

/// Why the archive cannot be used.
package struct ArchiveFault: Error, Equatable, Sendable, CustomStringConvertible {
    package var operation: String
    package var detail: String

    package var description: String { "\(operation): \(detail)" }
}

/// The local history of login events in SQLite. Shared: events come from the detection queue, questions from the admin side; both are answered
/// on the store's own queue, so that a slow disk holds up neither. Owner of the door to SQLite.
@safe
package final class EventStore: Sendable {
    /// Events that may wait for the disk; more are counted and lost to the archive (not to the collectors).
    private static let waitingLimit = 50_000

    package struct Retention: Sendable {
        package var age: Duration
        package var events: Int

        package init(age: Duration, events: Int) {
            self.age = age
            self.events = events
        }
    }

    /// What one question asks for; nil: any.
    package struct Question: Sendable {
        package var limit: Int
        package var login: String?
        package var client: String?

        package init(limit: Int, login: String? = nil, client: String? = nil) {
            self.limit = limit
            self.login = login
            self.client = client
        }
    }

    package struct Statistics: Sendable {
        package var stored: UInt64 = 0
        package var lost: UInt64 = 0
        package var errors: UInt64 = 0
    }

    private let retention: Retention
    private let queue = DispatchQueue(label: "loginward.archive")
    private let statisticsState = Guarded(Statistics())
    private let waiting = Guarded(0)
    nonisolated(unsafe) private let database: OpaquePointer

    /// Opens or makes the file.
    package init(path: String, retention: Retention) throws(ArchiveFault) {
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX
        let code = unsafe sqlite3_open_v2(path, &opened, flags, nil)
        guard code == SQLITE_OK, let database = unsafe opened else {
            let reason = unsafe String(cString: sqlite3_errstr(code))
            unsafe sqlite3_close_v2(opened)
            throw ArchiveFault(operation: "open \(path)", detail: reason)
        }
        unsafe self.database = database
        self.retention = retention
        // The file holds user names and addresses: for its owner only.
        _ = unsafe chmod(path, 0o600)
        for statement in EventStore.schema { try execute(statement) }
    }

    deinit { unsafe sqlite3_close_v2(database) }

    private static let schema = [
        "PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL", "PRAGMA busy_timeout=2000",
        """
        CREATE TABLE IF NOT EXISTS events (
          id TEXT PRIMARY KEY, time INTEGER NOT NULL, event TEXT NOT NULL, service TEXT NOT NULL, login TEXT, client TEXT NOT NULL,
          json TEXT NOT NULL) WITHOUT ROWID
        """,
        "CREATE INDEX IF NOT EXISTS events_time ON events(time)",
        "CREATE INDEX IF NOT EXISTS events_login ON events(login, time)",
        "CREATE INDEX IF NOT EXISTS events_client ON events(client, time)",
    ]

    package var statistics: Statistics { statisticsState.withLock { $0 } }

    // MARK: Writing

    /// Takes events over; never waits for the disk.
    package func take(_ events: [LoginEvent]) {
        let fits = waiting.withLock { count -> Bool in
            if count + events.count > EventStore.waitingLimit { return false }
            count += events.count
            return true
        }
        if !fits {
            statisticsState.withLock { $0.lost += UInt64(events.count) }
            return
        }
        queue.async { [self] in
            do throws(ArchiveFault) {
                try store(events)
                statisticsState.withLock { $0.stored += UInt64(events.count) }
            } catch {
                statisticsState.withLock {
                    $0.errors += 1
                    $0.lost += UInt64(events.count)
                }
            }
            waiting.withLock { $0 -= events.count }
        }
    }

    private func store(_ events: [LoginEvent]) throws(ArchiveFault) {
        try execute("BEGIN")
        do throws(ArchiveFault) {
            let statement = unsafe try Statement(
                database,
                "INSERT OR IGNORE INTO events (id, time, event, service, login, client, json) VALUES (?,?,?,?,?,?,?)")
            for event in events {
                statement.bind(1, event.text(event.texts.id))
                statement.bind(2, event.unixNanoseconds / 1_000)
                statement.bind(3, String(decoding: event.name, as: UTF8.self))
                statement.bind(4, event.text(event.texts.service))
                if event.hasLogin { statement.bind(5, event.text(event.texts.login)) } else { statement.bindNull(5) }
                statement.bind(6, event.client.isUnspecified ? "" : event.client.description)
                statement.bind(7, String(decoding: event.line, as: UTF8.self))
                try statement.run()
            }
            try execute("COMMIT")
        } catch {
            try? execute("ROLLBACK")
            throw error
        }
    }

    /// Deletes what is too old or too much. Called from time to time.
    package func prune(unixSeconds: Int64) {
        queue.async { [self] in
            do throws(ArchiveFault) {
                let oldest = unsafe try Statement(database, "DELETE FROM events WHERE time < ?")
                oldest.bind(1, (unixSeconds - retention.age.components.seconds) * 1_000_000)
                try oldest.run()
                let surplus = unsafe try Statement(
                    database,
                    "DELETE FROM events WHERE time < (SELECT time FROM events ORDER BY time DESC LIMIT 1 OFFSET ?)")
                surplus.bind(1, Int64(retention.events - 1))
                try surplus.run()
            } catch {
                statisticsState.withLock { $0.errors += 1 }
            }
        }
    }

    // MARK: Reading

    /// The newest events that answer `question`, newest first, each as its JSON.
    package func recent(_ question: Question) throws(ArchiveFault) -> [String] {
        let result = queue.sync { () -> Result<[String], ArchiveFault> in
            do throws(ArchiveFault) {
                return .success(try read(question))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private func read(_ question: Question) throws(ArchiveFault) -> [String] {
        var conditions: [String] = []
        if question.login != nil { conditions.append("login = ?") }
        if question.client != nil { conditions.append("client = ?") }
        let filter = conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ")
        let statement = unsafe try Statement(
            database, "SELECT json FROM events \(filter) ORDER BY time DESC, id DESC LIMIT ?")
        var place: Int32 = 1
        for value in [question.login, question.client] {
            guard let value else { continue }
            statement.bind(place, value)
            place += 1
        }
        statement.bind(place, Int64(question.limit))
        return try statement.texts()
    }

    /// What the events of a column's values are counted by.
    package enum Column: Sendable {
        case client, login, userID, userAgent
        case fingerprint(String)

        fileprivate var sql: String {
            switch self {
            case .client: "client"
            case .login: "login"
            case .userID: "json_extract(json, '$.usr.id')"
            case .userAgent: "json_extract(json, '$.http.user_agent')"
            case .fingerprint(let kind): "json_extract(json, '$.fingerprint.\(kind)')"
            }
        }
    }

    /// How many events since `unixSeconds` that were not blocked had each value of a column (or this one), by the kind of event.
    package func tally(
        _ column: Column, equals value: String? = nil, since unixSeconds: Int64
    ) throws(ArchiveFault) -> [(value: String, event: String, count: Int)] {
        let result = queue.sync { () -> Result<[(value: String, event: String, count: Int)], ArchiveFault> in
            do throws(ArchiveFault) {
                let filter = value == nil ? "" : "AND \(column.sql) = ?2"
                let statement = unsafe try Statement(
                    database,
                    """
                    SELECT \(column.sql), event, COUNT(*) FROM events
                    WHERE time >= ?1 AND COALESCE(json_extract(json, '$.blocked'), 0) = 0 \(filter) GROUP BY 1, 2
                    """)
                statement.bind(1, unixSeconds * 1_000_000)
                if let value { statement.bind(2, value) }
                return .success(try statement.counts())
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private func execute(_ sql: String) throws(ArchiveFault) {
        if unsafe sqlite3_exec(database, sql, nil, nil, nil) != SQLITE_OK {
            throw ArchiveFault(
                operation: sql.split(separator: " ").first.map(String.init) ?? sql,
                detail: unsafe String(cString: sqlite3_errmsg(database)))
        }
    }

    /// Waits until everything that was taken is stored.
    package func drain() { queue.sync {} }

    /// One prepared statement. Lives for one use on the store's queue.
    @safe
    private final class Statement {
        private let database: OpaquePointer
        private let handle: OpaquePointer

        init(_ database: OpaquePointer, _ sql: String) throws(ArchiveFault) {
            var prepared: OpaquePointer?
            let code = unsafe sqlite3_prepare_v2(database, sql, -1, &prepared, nil)
            guard code == SQLITE_OK, let prepared = unsafe prepared else {
                throw ArchiveFault(operation: "prepare", detail: unsafe String(cString: sqlite3_errmsg(database)))
            }
            unsafe self.database = database
            unsafe handle = prepared
        }

        deinit { unsafe sqlite3_finalize(handle) }

        func bind(_ place: Int32, _ text: String) {
            // SQLITE_TRANSIENT: SQLite keeps a copy of its own.
            let copy = unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
            _ = unsafe sqlite3_bind_text(handle, place, text, -1, copy)
        }

        func bind(_ place: Int32, _ number: Int64) { _ = unsafe sqlite3_bind_int64(handle, place, number) }

        func bindNull(_ place: Int32) { _ = unsafe sqlite3_bind_null(handle, place) }

        func run() throws(ArchiveFault) {
            let code = unsafe sqlite3_step(handle)
            _ = unsafe sqlite3_reset(handle)
            if code != SQLITE_DONE && code != SQLITE_ROW { throw fault() }
        }

        /// Rows of two texts and a number.
        func counts() throws(ArchiveFault) -> [(value: String, event: String, count: Int)] {
            var rows: [(value: String, event: String, count: Int)] = []
            while true {
                switch unsafe sqlite3_step(handle) {
                case SQLITE_ROW:
                    let value = unsafe sqlite3_column_text(handle, 0).map { unsafe String(cString: $0) } ?? ""
                    let event = unsafe sqlite3_column_text(handle, 1).map { unsafe String(cString: $0) } ?? ""
                    rows.append((value, event, unsafe Int(sqlite3_column_int64(handle, 2))))
                case SQLITE_DONE: return rows
                default: throw fault()
                }
            }
        }

        func texts() throws(ArchiveFault) -> [String] {
            var rows: [String] = []
            while true {
                switch unsafe sqlite3_step(handle) {
                case SQLITE_ROW:
                    rows.append(unsafe sqlite3_column_text(handle, 0).map { unsafe String(cString: $0) } ?? "")
                case SQLITE_DONE: return rows
                default: throw fault()
                }
            }
        }

        private func fault() -> ArchiveFault {
            ArchiveFault(operation: "step", detail: unsafe String(cString: sqlite3_errmsg(database)))
        }
    }
}

extension LoginEvent {
    fileprivate func text(_ range: ByteRange) -> String { String(decoding: bytes[range.bounds], as: UTF8.self) }
}
