// SPDX-License-Identifier: Apache-2.0
import Glibc
import Logins
import Testing
import Wire

@testable import Archive

/// What the file answers is what the filter says of every event by itself.
struct QueryTests {
    private let events: [LoginEvent]

    init() throws {
        var random = SystemRandomNumberGenerator()
        events = try (0..<600).map { try Events.any($0, &random) }
    }

    private func withReader(_ body: (EventReader) throws -> Void) throws {
        let path = "/tmp/loginward-query-\(getpid())-\(UInt32.random(in: 0 ... .max)).db"
        defer { for suffix in ["", "-wal", "-shm"] { _ = unsafe unlink(path + suffix) } }
        let store = try EventStore(path: path, retention: .init(age: .seconds(3_600), events: 10_000))
        store.take(events)
        store.drain()
        #expect(store.statistics.stored == 600 && store.statistics.errors == 0)
        try body(try EventReader(path: path))
    }

    private func query(_ text: String) throws -> EventQuery { try EventQuery(text, now: 1_003_000_000_000) }

    @Test func `an event comes out as it went in`() throws {
        try withReader { reader in
            var lines: [String: String] = [:]
            for event in events { lines[String(decoding: event.text(of: .id) ?? [], as: UTF8.self)] = "\(event.line)" }
            var count = 0
            var last: Int64 = 0
            try reader.read(.everything, .oldestFirst) { event, _ in
                count += 1
                #expect(lines[String(decoding: event.text(of: .id) ?? [], as: UTF8.self)] == "\(event.line)")
                #expect(event.unixNanoseconds >= last - 1_000_000)
                last = event.unixNanoseconds
                return true
            }
            #expect(count == 600)
        }
    }

    @Test(arguments: [
        "", "*", "event:users.login.*", "event:(users.login.success OR users.signup)", "usr.login:alice",
        "-usr.login:alice", "usr.login:*", "-usr.login:*", "usr.login:al*ce", "usr.login:al\\*ce",
        "usr.login:\"al[i]*\"",
        "usr.login:ann?", "usr.login:\"\"", "usr.login:x\\?y", "http.client_ip:203.0.113.0/24",
        "-http.client_ip:203.0.113.0/24", "http.client_ip:2001:db8::/32", "http.client_ip:::/0",
        "http.client_ip:0.0.0.0/0",
        "http.client_ip:[198.51.100.0 TO 203.0.113.100]", "http.client_ip:*", "-http.client_ip:*",
        "http.peer_ip:203.0.113.9", "-http.peer_ip:127.0.0.1", "http.user_agent:\"python*\"",
        "-http.user_agent:\"python*\"",
        "http.user_agent:\"Mozilla/5.0 (X11)\"", "-http.user_agent:*", "blocked:true", "-blocked:true", "blocked:false",
        "usr.exists:true", "-usr.exists:false", "usr.exists:*", "http.status_code:401", "http.status_code:[300 TO 499]",
        "http.status_code:{200 TO 401}", "http.status_code:>=302", "-http.status_code:>0", "duration_ms:<1000",
        "duration_ms:[100 TO 2000]", "verdict.action:block", "verdict.action:(b* OR allow)", "-verdict.action:fail",
        "http.version:2", "-http.version:2", "http.version:*", "http.header_names:accept", "-http.header_names:accept",
        "http.header_names:*", "tags.attempt:3", "tags.attempt:*", "-tags.attempt:*", "tags.attempt:1*",
        "tags.outcome:unknown",
        "-tags.outcome:unknown", "usr.id:42", "usr.id:4\\\"*", "fingerprint.session:ssn-1*", "fingerprint.http:*",
        "tls.version:TLSv1.3", "request_id:*", "id:id-7", "verdict.rule:r1 OR verdict.reason:denylist",
        "time:[-6h TO now]", "time:[-30m TO -10m]", "time:>1001000", "time:{1000000 TO 1000060}", "-time:<1001000",
        "(usr.login:alice OR http.client_ip:203.0.113.9) -blocked:true NOT (event:users.login.* AND service:sso)",
        "NOT NOT usr.login:bob", "-(blocked:true usr.login:alice)",
        "event:users.login.* http.client_ip:203.0.113.0/24 -http.user_agent:\"python*\" blocked:true time:[-6h TO now]",
        "@usr.login:bob and route:login", "-route:login -usr.id:42",
    ])
    func `file and filter agree`(_ text: String) throws {
        let query = try query(text)
        try withReader { reader in
            var found: Set<[UInt8]> = []
            try reader.read(query.filter, .newestFirst) { event, _ in
                found.insert(event.text(of: .id) ?? [])
                return true
            }
            let expected = Set(events.filter { query.filter.holds(for: $0) }.map { $0.text(of: .id) ?? [] })
            #expect(found == expected)
            #expect(try reader.count(query) == [.init(keys: [], count: expected.count)])
        }
    }

    @Test func `groups are counted as by hand, the largest first`() throws {
        try withReader { reader in
            for fields in [
                [EventField.event], [.clientIP, .blocked], [.login], [.status, .userAgent],
                [.tag(Array("attempt".utf8))],
                [.action, .version, .exists], [.peerIP],
            ] {
                let names = fields.map(\.name).joined(separator: ", ")
                let groups = try reader.count(try query("-usr.login:bob | count by \(names)"))
                var expected: [[[UInt8]?]: Int] = [:]
                for event in events where event.text(of: .login) != Array("bob".utf8) {
                    // The empty name is a name.
                    expected[fields.map { event.text(of: $0) }, default: 0] += 1
                }
                #expect(Dictionary(uniqueKeysWithValues: groups.map { ($0.keys, $0.count) }) == expected)
                #expect(groups.map(\.count) == groups.map(\.count).sorted(by: >))
            }
            let top = try reader.count(try query("| count by usr.login top 2"))
            #expect(top.count == 2)
        }
    }

    @Test func `buckets of time come in their order, and different values are counted`() throws {
        try withReader { reader in
            let groups = try reader.count(try query("| count by time(10m)"))
            #expect(groups.count >= 5 && groups.map(\.count).reduce(0, +) == 600)
            let times = groups.map { String(decoding: $0.keys[0] ?? [], as: UTF8.self) }
            #expect(times == times.sorted() && times.allSatisfy { $0.hasSuffix("0:00.000000Z") })
            let accounts = try reader.count(try query("http.client_ip:203.0.113.9 | count distinct usr.login"))
            let expected = Set(
                events.filter { $0.client == IPAddress("203.0.113.9") && $0.hasLogin }.map { $0.text(of: .login) })
            #expect(accounts == [.init(keys: [], count: expected.count)])
        }
    }
}
