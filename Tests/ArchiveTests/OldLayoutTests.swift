// SPDX-License-Identifier: Apache-2.0
import Glibc
import Logins
import Testing
import Wire

@testable import Archive

struct OldLayoutTests {
    @Test func `a file of the first layout loses nothing`() throws {
        var random = SystemRandomNumberGenerator()
        let events = try (0..<4_500).map { try Events.any($0, &random) }
        let path = "/tmp/loginward-old-\(getpid())-\(UInt32.random(in: 0 ... .max)).db"
        defer { for suffix in ["", "-wal", "-shm"] { _ = unsafe unlink(path + suffix) } }
        do {
            let old = try Database(path: path, isReading: false)
            try old.execute(
                """
                CREATE TABLE events (
                id TEXT PRIMARY KEY, time INTEGER NOT NULL, event TEXT NOT NULL, service TEXT NOT NULL, login TEXT,
                client TEXT NOT NULL, json TEXT NOT NULL) WITHOUT ROWID
                """)
            try old.execute("CREATE INDEX events_time ON events(time)")
            try old.execute("BEGIN")
            let insertion = try Statement(old, "INSERT INTO events VALUES (?,?,?,'sso',NULL,'',?)")
            for event in events {
                insertion.bind(1, .text(event.text(of: .id) ?? []))
                insertion.bind(2, .integer(event.unixNanoseconds / 1_000))
                insertion.bind(3, .text(event.name))
                insertion.bind(4, .text(event.line))
                try insertion.run()
            }
            try old.execute("COMMIT")
        }
        let store = try EventStore(path: path, retention: .init(age: .seconds(3_600), events: 10_000))
        #expect(store.hasOldEvents)
        while store.statistics.moved < 4_500 && store.statistics.errors == 0 { store.drain() }
        store.drain()
        var lines: Set<String> = []
        try EventReader(path: path).read(.everything, .oldestFirst) { event, _ in
            lines.insert(String(decoding: event.line, as: UTF8.self))
            return true
        }
        #expect(lines == Set(events.map { String(decoding: $0.line, as: UTF8.self) }))
        #expect(try !EventStore(path: path, retention: .init(age: .seconds(3_600), events: 10_000)).hasOldEvents)
    }

    @Test func `a file of a newer version is left alone`() throws {
        let path = "/tmp/loginward-new-\(getpid())-\(UInt32.random(in: 0 ... .max)).db"
        defer { for suffix in ["", "-wal", "-shm"] { _ = unsafe unlink(path + suffix) } }
        try Database(path: path, isReading: false).execute("PRAGMA user_version=9")
        #expect(throws: ArchiveFault.self) {
            try EventStore(path: path, retention: .init(age: .seconds(1), events: 1))
        }
        #expect(throws: ArchiveFault.self) { try EventReader(path: path) }
    }
}
