// SPDX-License-Identifier: Apache-2.0
import Logins
import Testing

@testable import Notify

struct NoticeBookTests {
    private func signal(
        _ severity: Severity = .medium, _ state: Signal.State = .open, accounts: Int = 0, taken: Int = 0
    )
        -> SignalSummary
    {
        var signal = SignalSummary(
            number: 1, type: .credentialStuffing, severity: severity, state: state, openedAt: 1_000, onset: 990)
        signal.accounts = accounts
        signal.compromised = taken
        return signal
    }

    private func people(_ range: Range<Int>) -> [(account: UInt64, person: Notice.Person)] {
        range.map { (UInt64($0 + 1), Notice.Person(login: Array("user\($0)".utf8))) }
    }

    @Test func `a signal is told when it opens, when it gets worse and when it ends, each once`() {
        var book = NoticeBook(host: "gate")
        #expect(book.take(signal(), id: "signal-0001", now: 1).map(\.kind) == [.opened])
        #expect(book.take(signal(), id: "signal-0001", now: 2).isEmpty)
        #expect(book.take(signal(.critical, .updated), id: "signal-0001", now: 3).map(\.kind) == [.escalated])
        #expect(book.take(signal(.critical, .closed), id: "signal-0001", now: 4).map(\.kind) == [.closed])
        #expect(book.take(signal(.critical, .closed), id: "signal-0001", now: 5).isEmpty)
    }

    @Test func `one that is over before it was told is told as opened and closed`() {
        var book = NoticeBook(host: "gate")
        #expect(book.take(signal(.low, .closed), id: "signal-0001", now: 1).map(\.kind) == [.opened, .closed])
    }

    @Test func `what was told is known after a restart, and a number that is given anew is another signal`() {
        var book = NoticeBook(host: "gate")
        _ = book.take(signal(), id: "signal-0001", now: 1)
        _ = book.name(.compromised, people(0..<2), through: 2, of: signal(taken: 2), id: "signal-0001", now: 1)
        var next = NoticeBook(host: "gate")
        let stored = book.store()
        #expect(!book.isChanged)
        next.load(stored)
        #expect(next.take(signal(), id: "signal-0001", now: 2).isEmpty)
        #expect(next.untold(signal(taken: 3)).compromised == 2..<3)
        var other = signal()
        other.openedAt = 5_000
        #expect(next.take(other, id: "signal-0001", now: 3).map(\.kind) == [.opened])
    }

    @Test func `an account is named once, also in two attacks on one day, and again a day later`() {
        var book = NoticeBook(host: "gate")
        _ = book.take(signal(), id: "signal-0001", now: 1)
        func name(_ now: Int64) -> [Notice] {
            book.name(.compromised, people(0..<3), through: 3, of: signal(taken: 3), id: "signal-0001", now: now)
        }
        #expect(
            name(1).flatMap(\.people).map { String(decoding: $0.login, as: UTF8.self) } == ["user0", "user1", "user2"])
        #expect(name(80_000).isEmpty)
        #expect(name(90_000).count == 1)
    }

    @Test func `many accounts make several notices, each with an id of its own`() {
        var book = NoticeBook(host: "gate")
        _ = book.take(signal(), id: "signal-0001", now: 1)
        let notices = book.name(
            .targeted, people(0..<900), through: 900, of: signal(accounts: 900), id: "signal-0001", now: 1)
        #expect(notices.map(\.people.count) == [400, 400, 100] && Set(notices.map(\.id)).count == 3)
        #expect(book.untold(signal(accounts: 900)).accounts.isEmpty)
        for notice in notices { #expect(Notice(json: notice.json) == notice) }
    }

    @Test func `a list that a crash has shortened is no trap`() {
        var book = NoticeBook(host: "gate")
        _ = book.take(signal(), id: "signal-0001", now: 1)
        _ = book.name(.targeted, people(0..<9), through: 9, of: signal(accounts: 9), id: "signal-0001", now: 1)
        #expect(book.untold(signal(accounts: 4)).accounts.isEmpty)
    }

    @Test func `lines that are no lines of it say nothing`() {
        var book = NoticeBook(host: "gate")
        book.load(Array("signal\nsignal 1 2\nsignal 1 1000 9 0 0 0\ntaken x y\n\u{0}\n".utf8))
        #expect(book.told.isEmpty)
    }
}
