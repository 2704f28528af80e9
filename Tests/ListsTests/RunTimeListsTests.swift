// SPDX-License-Identifier: Apache-2.0
import Glibc
import Rules
import Synchronization
import Testing
import Wire

@testable import Lists

/// A folder of its own for one test.
private final class Folder {
    let path: String

    init() {
        path = "/tmp/loginward-lists-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        _ = unsafe mkdir(path, 0o700)
    }

    var journal: String { "\(path)/lists.journal" }

    deinit {
        for name in ["lists.journal", "lists.journal.new"] { _ = unsafe unlink("\(path)/\(name)") }
        _ = unsafe rmdir(path)
    }
}

/// What the loops were told.
private final class Told: Sendable {
    let changes = Mutex<[ListChange]>([])

    func take() -> [ListChange] {
        changes.withLock { all in
            defer { all = [] }
            return all
        }
    }
}

struct RunTimeListsTests {
    private func entry(_ text: String, expires: Int64 = .max, reason: String = "") throws -> ListEntry {
        ListEntry(
            subject: try ListSubject.parse(text.utf8.span).get(), expires: expires, reason: Array(reason.utf8),
            source: Array("cli".utf8), time: 50)
    }

    private func open(_ folder: Folder, limit: Int = 100, now: Int64 = 0, told: Told = Told()) throws -> RunTimeLists {
        try RunTimeLists(path: folder.journal, limit: limit, now: now) { changes in
            told.changes.withLock { $0 += changes }
        }
    }

    private func bytes(of path: String) -> [UInt8] {
        let descriptor = unsafe Glibc.open(path, O_RDONLY)
        defer { close(descriptor) }
        var block = [UInt8](repeating: 0, count: 1 << 20)
        let count = unsafe read(descriptor, &block, block.count)
        return Array(block[..<max(0, count)])
    }

    private func write(_ bytes: [UInt8], to path: String) {
        let descriptor = unsafe Glibc.open(path, O_WRONLY | O_TRUNC | O_CREAT, 0o600)
        defer { close(descriptor) }
        _ = unsafe Glibc.write(descriptor, bytes, bytes.count)
    }

    @Test func `what was changed is there after the next start`() throws {
        let folder = Folder()
        let told = Told()
        let first = try open(folder, told: told)
        let entries = [try entry("203.0.113.7", reason: "botnet"), try entry("usr.login=eve", expires: 900)]
        try first.add(entries, to: .deny)
        try first.add([try entry("2001:db8::/32")], to: .allow)
        try first.remove([entries[0].subject], from: .deny)
        try first.extend([(entries[1].subject, 1_000)], in: .deny)
        #expect(told.take().count == 5)
        let second = try open(folder)
        #expect(second.damagedBytes == 0)
        #expect(second.entries(of: .deny, now: 950).map(\.subject) == [entries[1].subject])
        #expect(second.entries(of: .deny, now: 1_000).isEmpty)
        #expect(second.entries(of: .allow, now: 0).count == 1)
        #expect(second.all.count == 2)
    }

    @Test func `a journal that ends anywhere gives every record before`() throws {
        let folder = Folder()
        let whole = try open(folder)
        var ends = [0]
        for number in 0..<4 {
            try whole.add([try entry("203.0.113.\(number)", reason: "number \(number)")], to: .deny)
            ends.append(bytes(of: folder.journal).count)
        }
        let all = bytes(of: folder.journal)
        for cut in 0...all.count {
            write(Array(all[..<cut]), to: folder.journal)
            let known = ends.lastIndex { $0 <= cut } ?? 0
            let lists = try open(folder)
            #expect(lists.entries(of: .deny, now: 0).count == known)
            #expect((lists.damagedBytes > 0) == (ends[known] != cut))
            // What is written next is found again.
            try lists.add([try entry("198.51.100.1")], to: .deny)
            #expect(try open(folder).entries(of: .deny, now: 0).count == known + 1)
        }
    }

    @Test func `a flipped bit costs one record`() throws {
        let folder = Folder()
        let whole = try open(folder)
        for number in 0..<3 { try whole.add([try entry("203.0.113.\(number)")], to: .deny) }
        let all = bytes(of: folder.journal)
        for place in stride(from: 0, to: all.count, by: 3) {
            var hurt = all
            hurt[place] ^= 0x10
            write(hurt, to: folder.journal)
            let lists = try open(folder)
            #expect(lists.entries(of: .deny, now: 0).count == 2)
            #expect(lists.damagedBytes > 0)
        }
    }

    @Test func `a full overlay refuses the newcomer and keeps what it has`() throws {
        let folder = Folder()
        let told = Told()
        let lists = try open(folder, limit: 2, told: told)
        try lists.add([try entry("203.0.113.1"), try entry("203.0.113.2")], to: .deny)
        _ = told.take()
        #expect(throws: ListRefusal.full(limit: 2)) { try lists.add([try entry("203.0.113.3")], to: .allow) }
        #expect(throws: ListRefusal.full(limit: 2)) {
            try lists.add([try entry("203.0.113.1"), try entry("203.0.113.3")], to: .deny)
        }
        #expect(told.take().isEmpty)
        // Another end for who is there already needs no room.
        try lists.add([try entry("203.0.113.1", expires: 10)], to: .deny)
        lists.letGo(now: 10)
        try lists.add([try entry("203.0.113.3")], to: .allow)
        #expect(lists.counts.refused == 3 && lists.counts.deny == 1 && lists.counts.allow == 1)
    }

    @Test func `nobody is removed or extended who is not there`() throws {
        let folder = Folder()
        let lists = try open(folder)
        let known = try entry("203.0.113.1")
        try lists.add([known], to: .deny)
        let other = try entry("203.0.113.2").subject
        #expect(throws: ListRefusal.absent([other])) { try lists.remove([known.subject, other], from: .deny) }
        #expect(throws: ListRefusal.absent([known.subject])) { try lists.extend([(known.subject, 5)], in: .allow) }
        #expect(lists.counts.deny == 1)
    }

    @Test func `what has ended is let go in the order of its ends, and what was extended stays`() throws {
        let folder = Folder()
        let told = Told()
        let lists = try open(folder, limit: 1_000, told: told)
        for number in 0..<200 {
            try lists.add([try entry("203.0.113.\(number)", expires: Int64(100 + number * 7 % 200))], to: .deny)
        }
        try lists.extend([(try entry("203.0.113.0").subject, 5_000)], in: .deny)
        _ = told.take()
        var gone = 0
        for now: Int64 in 99...300 {
            lists.letGo(now: now)
            let part = told.take()
            #expect(part.count == (now >= 101 && now < 300 ? 1 : 0), "\(now)")
            gone += part.count
        }
        #expect(gone == 199 && lists.counts.deny == 1)
    }

    @Test func `a journal of what is past is written anew`() throws {
        let folder = Folder()
        let lists = try open(folder, limit: 10_000)
        let entries = try (0..<2_500).map { try entry("10.0.\($0 / 256).\($0 % 256)") }
        try lists.add(entries, to: .deny)
        try lists.remove(entries.dropFirst().map(\.subject), from: .deny)
        #expect(lists.counts.journalFrames == 4_999)
        lists.letGo(now: 0)
        #expect(lists.counts.journalFrames == 1)
        try lists.add([try entry("usr.login=eve")], to: .deny)
        #expect(try open(folder).entries(of: .deny, now: 0).count == 2)
    }
}
