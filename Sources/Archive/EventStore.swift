// SPDX-License-Identifier: Apache-2.0
import Dispatch
package import Logins
import Transport
import Wire

/// The local history of login events in SQLite. Shared: events come from the detection queue, questions from the admin side. Each has its own
/// queue and connection, so that neither a slow disk nor a long question holds up the other.
@safe
package final class EventStore: Sendable {
    /// Events that may wait for the disk; more are counted and lost to the archive (not to the collectors).
    private static let waitingLimit = 50_000
    /// The longest that a question of the admin side may take: other questions wait for it.
    private static let questionLimit = Duration.seconds(5)

    package struct Retention: Sendable {
        package var age: Duration
        package var events: Int
        /// Bytes on the disk.
        package var bytes: Int64

        package init(age: Duration, events: Int, bytes: Int64 = .max) {
            self.age = age
            self.events = events
            self.bytes = bytes
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
        /// Of the layout of an older version, moved over since the start.
        package var moved: UInt64 = 0
    }

    private let path: String
    private let queue = DispatchQueue(label: "loginward.archive")
    private let statisticsState = Guarded(Statistics())
    private let waiting = Guarded(0)
    /// Touched on `queue` only.
    nonisolated(unsafe) private let writer: EventWriterConnection
    private let questions = DispatchQueue(label: "loginward.archive.questions")

    /// Opens or makes the file.
    package init(path: String, retention: Retention) throws(ArchiveFault) {
        self.path = path
        let writer = try EventWriterConnection(path: path, retention: retention)
        hasOldEvents = writer.hasOldEvents
        unsafe self.writer = writer
        if hasOldEvents { queue.async { [self] in moveOldEvents() } }
    }

    /// The file had the layout of an older version when it was opened: its events are moved over in the background.
    package let hasOldEvents: Bool

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
                try unsafe writer.store(events)
                statisticsState.withLock { $0.stored += UInt64(events.count) }
            } catch {
                statisticsState.withLock {
                    $0.errors += 1
                    $0.lost += UInt64(events.count)
                }
            }
            waiting.withLock { $0 -= events.count }
            // A flood must not wait for the clock to be pruned.
            if unsafe writer.isGrown { pruneSome(unixSeconds: MonotonicTime.unixNanoseconds() / 1_000_000_000) }
        }
    }

    /// Deletes what is too old or too much. Called from time to time.
    package func prune(unixSeconds: Int64) { queue.async { [self] in pruneSome(unixSeconds: unixSeconds) } }

    /// One portion; events that arrive meanwhile are stored before the next.
    private func pruneSome(unixSeconds: Int64) {
        do throws(ArchiveFault) {
            if try unsafe writer.prune(unixSeconds: unixSeconds) { prune(unixSeconds: unixSeconds) }
        } catch {
            statisticsState.withLock { $0.errors += 1 }
        }
    }

    private func moveOldEvents() {
        do throws(ArchiveFault) {
            let count = try unsafe writer.moveOldEvents()
            statisticsState.withLock { $0.moved += UInt64(count) }
            if count > 0 { queue.async { [self] in moveOldEvents() } }
        } catch {
            statisticsState.withLock { $0.errors += 1 }
        }
    }

    /// Waits until everything that was taken is stored.
    package func drain() { queue.sync {} }

    // MARK: Reading

    /// The newest events that answer `question`, newest first, each as its JSON.
    package func recent(_ question: Question) throws(ArchiveFault) -> [String] {
        var tests: [EventFilter] = []
        if let login = question.login { tests.append(.test(.login, .text(Array(login.utf8)))) }
        if let client = question.client {
            guard let address = IPAddress(client) else { return [] }
            tests.append(.test(.clientIP, .addresses(address, address)))
        }
        let filter = tests.isEmpty ? EventFilter.everything : .all(tests)
        return try ask { reader in
            var lines: [String] = []
            if question.limit < 1 { return lines }
            try reader.read(filter, .newestFirst) { event, _ in
                lines.append(String(decoding: event.line, as: UTF8.self))
                return lines.count < question.limit
            }
            return lines
        }
    }

    /// Counts events, as `query` says.
    package func count(_ query: EventQuery) throws(ArchiveFault) -> [EventReader.Group] {
        try ask { try $0.count(query) }
    }

    /// Asks over a connection of its own, with everything stored that was taken before.
    private func ask<Answer: Sendable>(
        _ question: @escaping @Sendable (EventReader) throws -> Answer
    ) throws(ArchiveFault) -> Answer {
        drain()
        let path = path
        let result = questions.sync { () -> Result<Answer, ArchiveFault> in
            do {
                let reader = try EventReader(path: path)
                reader.limit(EventStore.questionLimit)
                return .success(try question(reader))
            } catch let fault as ArchiveFault {
                return .failure(fault)
            } catch {
                return .failure(ArchiveFault(operation: "question", detail: "\(error)"))
            }
        }
        return try result.get()
    }
}
