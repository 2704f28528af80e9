// SPDX-License-Identifier: Apache-2.0
import Glibc
import Logins
import Testing
import Wire

@testable import Archive

struct EventStoreTests {
    private func event(_ id: String, login: String, client: String, seconds: Int64) throws -> LoginEvent {
        var event = LoginEvent(capacity: 64)
        event.texts.id = event.add(Array(id.utf8).span)
        event.texts.service = event.add(Array("sso".utf8).span)
        event.texts.login = event.add(Array(login.utf8).span)
        event.hasLogin = true
        event.client = try #require(IPAddress(client))
        event.unixNanoseconds = seconds * 1_000_000_000
        event.outcome = .failure
        return event
    }

    private func withStore(_ retention: EventStore.Retention, _ body: (EventStore, String) throws -> Void) throws {
        let path = "/tmp/loginward-archive-\(getpid())-\(UInt32.random(in: 0 ... .max)).db"
        defer { for suffix in ["", "-wal", "-shm"] { _ = unsafe unlink(path + suffix) } }
        try body(try EventStore(path: path, retention: retention), path)
    }

    private let plenty = EventStore.Retention(age: .seconds(3_600), events: 1_000)

    @Test func `events are found by user and address, newest first`() throws {
        try withStore(plenty) { store, _ in
            store.take([
                try event("1", login: "alice", client: "203.0.113.9", seconds: 1),
                try event("2", login: "bob", client: "203.0.113.9", seconds: 2),
                try event("3", login: "al'ice", client: "198.51.100.1", seconds: 3),
            ])
            let all = try store.recent(.init(limit: 10))
            #expect(all.count == 3 && all[0].contains("\"id\":\"3\"") && all[2].contains("\"id\":\"1\""))
            #expect(try store.recent(.init(limit: 10, login: "al'ice")).count == 1)
            #expect(try store.recent(.init(limit: 10, client: "203.0.113.9")).count == 2)
            #expect(try store.recent(.init(limit: 10, login: "alice", client: "198.51.100.1")).isEmpty)
            #expect(try store.recent(.init(limit: 2)).count == 2)
            #expect(store.statistics.stored == 3)
        }
    }

    @Test func `an event that comes twice is stored once, and a new start finds the old ones`() throws {
        try withStore(plenty) { store, path in
            let event = try event("1", login: "alice", client: "203.0.113.9", seconds: 1)
            store.take([event])
            store.take([event])
            store.drain()
            let again = try EventStore(path: path, retention: plenty)
            #expect(try again.recent(.init(limit: 10)).count == 1)
        }
    }

    @Test func `what is too old or too much goes`() throws {
        try withStore(.init(age: .seconds(100), events: 3)) { store, _ in
            store.take(try (1...10).map { try event("\($0)", login: "u", client: "203.0.113.9", seconds: Int64($0)) })
            store.prune(unixSeconds: 105)
            #expect(try store.recent(.init(limit: 100)).count == 3)
            store.prune(unixSeconds: 110)
            #expect(try store.recent(.init(limit: 100)).count == 1)
        }
    }

    @Test func `events of one moment are all kept`() throws {
        try withStore(.init(age: .seconds(3_600), events: 100_000)) { store, _ in
            store.take(try (1...10_000).map { try event("\($0)", login: "u", client: "203.0.113.9", seconds: 7) })
            #expect(try store.recent(.init(limit: 100_000)).count == 10_000)
            #expect(try store.recent(.init(limit: 1))[0].contains("1970-01-01T00:00:07.000000Z"))
        }
    }

    @Test func `a file that is too large loses its oldest events until it is not`() throws {
        try withStore(.init(age: .seconds(1_000_000), events: 1_000_000, bytes: 1 << 20)) { store, path in
            for batch in 0..<20 {
                store.take(
                    try (0..<2_000).map { number in
                        let id = batch * 2_000 + number
                        return try event("\(id)", login: "somebody-\(id)", client: "203.0.113.9", seconds: Int64(id))
                    })
            }
            store.prune(unixSeconds: 40_000)
            // Portion by portion: each puts the next behind what came meanwhile.
            for _ in 0..<60 { store.drain() }
            let left = try store.recent(.init(limit: 100_000))
            #expect((5_000..<35_000).contains(left.count))
            #expect(left[0].contains("somebody-39999"))
        }
    }

    @Test func `a file that is no database is refused`() {
        #expect(throws: ArchiveFault.self) { try EventStore(path: "/proc/nothing/events.db", retention: plenty) }
    }
}
