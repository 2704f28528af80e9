// SPDX-License-Identifier: Apache-2.0
import Testing
import Wire

@testable import Logins

struct EventQueryTests {
    private let now: Int64 = 1_000_000_000_000

    private func filter(_ text: String) throws -> EventFilter { try EventQuery(text, now: now).filter }

    @Test func `conditions side by side must all hold, and OR binds weaker`() throws {
        let alice = EventFilter.test(.login, .text(Array("alice".utf8)))
        let bob = EventFilter.test(.login, .text(Array("bob".utf8)))
        let blocked = EventFilter.test(.blocked, .flag(true))
        #expect(try filter("") == .everything)
        #expect(try filter(" usr.login:alice ") == alice)
        #expect(try filter("usr.login:alice blocked:true") == .all([alice, blocked]))
        #expect(try filter("usr.login:alice AND blocked:true") == .all([alice, blocked]))
        #expect(try filter("blocked:true usr.login:alice OR usr.login:bob") == .any([.all([blocked, alice]), bob]))
        #expect(try filter("blocked:true (usr.login:alice or usr.login:bob)") == .all([blocked, .any([alice, bob])]))
        #expect(try filter("usr.login:(alice OR bob)") == .any([alice, bob]))
        #expect(try filter("-usr.login:alice") == .not(alice))
        #expect(try filter("not usr.login:\"alice\"") == .not(alice))
        #expect(try filter("-(usr.login:alice)") == .not(alice))
    }

    @Test func `values are networks, numbers, times and texts with wildcards`() throws {
        let first = try #require(IPAddress("203.0.113.0"))
        let last = try #require(IPAddress("203.0.113.255"))
        #expect(try filter("http.client_ip:203.0.113.0/24") == .test(.clientIP, .addresses(first, last)))
        #expect(try filter("http.status_code:[400 TO *]") == .test(.status, .numbers(400, .max)))
        #expect(try filter("http.status_code:{400 TO 499}") == .test(.status, .numbers(401, 498)))
        #expect(try filter("duration_ms:>=5") == .test(.duration, .numbers(5_000, .max)))
        #expect(try filter("duration_ms:<5") == .test(.duration, .numbers(.min, 4_999)))
        #expect(try filter("time:[-1h TO now]") == .test(.time, .numbers(now - 3_600_000_000, now)))
        #expect(try filter("time:[now-1h TO now]") == .test(.time, .numbers(now - 3_600_000_000, now)))
        let day: Int64 = 1_795_478_400_000_000
        #expect(try filter("time:2026-11-24") == .test(.time, .numbers(day, day + 86_399_999_999)))
        #expect(try filter("time:2026-11-24T00:00:00Z") == .test(.time, .numbers(day, day + 999_999)))
        #expect(try filter("usr.login:\"a b\\\"c\"") == .test(.login, .text(Array("a b\"c".utf8))))
        #expect(try filter("usr.login:*") == .test(.login, .present))
        #expect(
            try filter("usr.login:a*?") == .test(.login, .pattern(TextPattern([.byte(97), .many, .one]))))
    }

    @Test func `counts have keys, buckets and a top`() throws {
        let count = try #require(
            try EventQuery("blocked:true | count distinct usr.login by http.client_ip, time(5m) top 7", now: now).count)
        #expect(count.distinct == .login && count.top == 7)
        #expect(count.keys == [.field(.clientIP), .bucket(300_000_000)])
        #expect(try EventQuery("| count", now: now).count == EventCount())
    }

    @Test(arguments: [
        ("usr.login", 10, "colon"), ("login:alice", 1, "usr.login"), ("nothing.here:1", 1, "fields are"),
        ("usr.login:", 11, "missing"), ("é (usr.login:a", 1, "field"), ("usr.login:é (usr.login:a", 13, "not closed"),
        ("usr.login:a)", 12, "belong"), ("usr.login:\"a", 11, "not closed"), ("http.client_ip:nobody", 16, "address"),
        ("http.client_ip:203.0.113.9/24", 16, "203.0.113.0/24"), ("http.status_code:many", 18, "number"),
        ("blocked:maybe", 9, "true or false"), ("time:yesterday", 6, "no time"),
        ("time:[now TO -6h]", 6, "nothing lies"),
        ("usr.login:[a TO b]", 11, "ranges are for"), ("time:[-6h now]", 11, "TO"), ("usr.login:(a b)", 14, "OR"),
        ("usr.login:a OR", 15, "missing"), ("AND usr.login:a", 1, "before AND"), ("()", 2, "missing"),
        ("| list", 3, "count"), ("| count by time", 12, "width"), ("| count by time(0s)", 17, "wide"),
        ("| count top 0", 13, "top needs"), ("| count by a,b,c", 12, "no field"),
        ("| count by id, id, id, id, id", 28, "at most 4"), ("usr.login:a\"b", 12, "quote"),
        ("http.header_names:a*", 19, "whole"), ("usr.login:a\\", 12, "backslash"),
    ])
    func `a mistake is shown at its column`(_ text: String, _ column: Int, _ words: String) {
        #expect {
            try EventQuery(text, now: now)
        } throws: { error in
            let problem = error as? QueryProblem
            let shown = problem.map { $0.description.contains(words) && $0.column == column } ?? false
            if !shown { print(text, "→", error) }
            return shown
        }
    }

    @Test func `a query is bounded in length, tests and depth`() {
        let deep = String(repeating: "(", count: 40) + "blocked:true" + String(repeating: ")", count: 40)
        let many = (0...EventQuery.testLimit).map { "usr.login:u\($0)" }.joined(separator: " OR ")
        for text in [
            deep, String(repeating: "-", count: 40) + "blocked:true", many, String(repeating: " ", count: 9_000),
        ] {
            #expect(throws: QueryProblem.self) { try EventQuery(text, now: now) }
        }
    }

    @Test(arguments: [
        ("a*c", "abc", true), ("a*c", "ac", true), ("a*c", "acb", false), ("*a*b*", "xxaxxbxx", true), ("?", "é", true),
        ("?", "", false), ("*", "", true), ("a?", "a", false), ("*ab", "aab", true),
        ("a*a*a*a*b", String(repeating: "a", count: 3_000), false),
    ])
    func `wildcards`(_ pattern: String, _ text: String, _ matches: Bool) {
        let letters = pattern.utf8.map { $0 == 42 ? TextPattern.Letter.many : $0 == 63 ? .one : .byte($0) }
        #expect(TextPattern(letters).matches(Array(text.utf8).span) == matches)
    }
}
