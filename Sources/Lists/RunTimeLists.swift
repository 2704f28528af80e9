// SPDX-License-Identifier: Apache-2.0
package import Rules
package import Shipping
import Transport

/// Why a change to the lists was not made. A value, for whoever asked for it.
package enum ListRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    /// More entries than `limit` would stand in the overlay.
    case full(limit: Int)
    case absent([ListSubject])
    case disk(DiskFault)

    package var description: String {
        switch self {
        case .full(let limit):
            "the overlay is full: it holds at most \(limit) entries (overlay.entries); what ends makes room, and a file takes ten million"
        case .absent(let subjects):
            "no entry of the overlay: \(subjects.prefix(10).map(\.description).joined(separator: ", "))"
        case .disk(let fault): "the journal did not take it: \(fault)"
        }
    }
}

/// The entries that were added while the daemon runs, with their journal: what is changed here is on the disk first, then with every loop. Shared: the
/// admin side changes it, a ticker lets go of what has ended, the loops get what they are told through `publish`.
package final class RunTimeLists: Sendable {
    /// The longest reason and source that are kept.
    package static let reasonBytes = 1024
    package static let sourceBytes = 128
    /// Frames of the journal above twice the entries before it is written anew.
    private static let slack = 4096

    private struct Key: Hashable {
        var list: ListName
        var subject: ListSubject
    }

    private struct State: ~Copyable {
        var journal: ListJournal
        var entries: [Key: ListEntry] = [:]
        var ends = ExpiryQueue()
        var limit: Int
        var refused: UInt64 = 0
        var failures: UInt64 = 0
    }

    private let state: Guarded<State>
    private let publish: @Sendable ([ListChange]) -> Void
    /// Bytes of the journal that were no record when it was opened.
    package let damagedBytes: Int

    /// Opens the journal at `path`. `publish` hands changes to the loops, in order; it is called with the lock held.
    package init(
        path: String, limit: Int, now: Int64, publish: @escaping @Sendable ([ListChange]) -> Void
    ) throws(DiskFault) {
        var contents = ListJournal.Contents()
        let journal = try ListJournal(path: path, contents: &contents)
        damagedBytes = contents.damagedBytes
        self.publish = publish
        var entries: [Key: ListEntry] = [:]
        for change in contents.changes {
            switch change {
            case .set(let list, let entry): entries[Key(list: list, subject: entry.subject)] = entry
            case .remove(let list, let subject): entries[Key(list: list, subject: subject)] = nil
            }
        }
        entries = entries.filter { $0.value.expires > now }
        let ends = ExpiryQueue(RunTimeLists.items(entries))
        state = Guarded(State(journal: journal, entries: entries, ends: ends, limit: limit))
        compact()
    }

    // MARK: Changes

    /// Puts entries in, all or none.
    package func add(_ entries: [ListEntry], to list: ListName) throws(ListRefusal) {
        try state.withLock { state throws(ListRefusal) in
            let fresh = Set(entries.map(\.subject)).filter { state.entries[Key(list: list, subject: $0)] == nil }
            if state.entries.count + fresh.count > state.limit {
                state.refused += UInt64(entries.count)
                throw ListRefusal.full(limit: state.limit)
            }
            try RunTimeLists.write(entries.map { .set(list, $0) }, &state)
            publish(entries.map { .set(list, $0) })
        }
    }

    /// Gives entries a new end, all or none.
    package func extend(_ subjects: [(subject: ListSubject, expires: Int64)], in list: ListName) throws(ListRefusal) {
        try state.withLock { state throws(ListRefusal) in
            var changes: [ListChange] = []
            var absent: [ListSubject] = []
            for (subject, expires) in subjects {
                guard var entry = state.entries[Key(list: list, subject: subject)] else {
                    absent.append(subject)
                    continue
                }
                entry.expires = expires
                changes.append(.set(list, entry))
            }
            if !absent.isEmpty { throw ListRefusal.absent(absent) }
            try RunTimeLists.write(changes, &state)
            publish(changes)
        }
    }

    /// Takes entries out, all or none.
    package func remove(_ subjects: [ListSubject], from list: ListName) throws(ListRefusal) {
        try state.withLock { state throws(ListRefusal) in
            let absent = subjects.filter { state.entries[Key(list: list, subject: $0)] == nil }
            if !absent.isEmpty { throw ListRefusal.absent(absent) }
            let changes = subjects.map { ListChange.remove(list, $0) }
            try RunTimeLists.write(changes, &state)
            publish(changes)
        }
    }

    private static func write(_ changes: [ListChange], _ state: inout State) throws(ListRefusal) {
        do throws(DiskFault) {
            try state.journal.append(changes)
        } catch {
            state.failures += 1
            throw .disk(error)
        }
        for change in changes {
            switch change {
            case .set(let list, let entry):
                state.entries[Key(list: list, subject: entry.subject)] = entry
                if entry.expires < .max {
                    state.ends.insert(.init(expires: entry.expires, list: list, subject: entry.subject))
                }
            case .remove(let list, let subject): state.entries[Key(list: list, subject: subject)] = nil
            }
        }
    }

    /// The most entries from now on. Those that are there stay.
    package func changeLimit(to limit: Int) { state.withLock { $0.limit = limit } }

    // MARK: Time

    /// Lets go of what has ended by `now` (Unix seconds), and writes the journal anew when most of it is past. The loops see an end by
    /// themselves, to the second; this only frees memory.
    package func letGo(now: Int64) {
        state.withLock { state in
            var changes: [ListChange] = []
            while changes.count < 10_000, let item = state.ends.popEnded(now: now) {
                let key = Key(list: item.list, subject: item.subject)
                guard let entry = state.entries[key], entry.expires <= now else { continue }
                state.entries[key] = nil
                changes.append(.remove(item.list, item.subject))
            }
            if !changes.isEmpty { publish(changes) }
            if state.ends.count > 2 * state.entries.count + RunTimeLists.slack {
                state.ends = ExpiryQueue(RunTimeLists.items(state.entries))
            }
        }
        compact()
    }

    private static func items(_ entries: [Key: ListEntry]) -> [ExpiryQueue.Item] {
        entries.compactMap { key, entry in
            entry.expires < .max ? .init(expires: entry.expires, list: key.list, subject: key.subject) : nil
        }
    }

    private func compact() {
        state.withLock { state in
            if state.journal.frames <= 2 * state.entries.count + RunTimeLists.slack { return }
            let live = state.entries.map { ListChange.set($0.key.list, $0.value) }
            do throws(DiskFault) {
                try state.journal.replace(with: live)
            } catch {
                // The long one is as good.
                state.failures += 1
            }
        }
    }

    // MARK: Questions

    package struct Counts: Sendable {
        package var deny = 0
        package var allow = 0
        package var limit = 0
        package var refused: UInt64 = 0
        package var failures: UInt64 = 0
        package var journalFrames = 0
    }

    package var counts: Counts {
        state.withLock { state in
            let allow = state.entries.keys.count { $0.list == .allow }
            return Counts(
                deny: state.entries.count - allow, allow: allow, limit: state.limit, refused: state.refused,
                failures: state.failures, journalFrames: state.journal.frames)
        }
    }

    /// The entries of a list that have not ended, the newest first.
    package func entries(of list: ListName, now: Int64) -> [ListEntry] {
        let found = state.withLock { state in
            state.entries.compactMap { $0.key.list == list && $0.value.expires > now ? $0.value : nil }
        }
        return found.sorted { $0.time == $1.time ? "\($0.subject)" < "\($1.subject)" : $0.time > $1.time }
    }

    /// Everything, for loops that begin.
    package var all: [ListChange] {
        state.withLock { state in state.entries.map { ListChange.set($0.key.list, $0.value) } }
    }
}
