// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Synchronization
import Transport

/// Takes event lines from the loops, keeps them in the spool and has every sink fed. Owned by the daemon; any thread may call it.
/// Once started it must be stopped.
package final class Shipper: Sendable {
    /// Counters of one sink. A value.
    package struct SinkStatistics: Sendable {
        package var name: String
        package var sent: UInt64
        package var retried: UInt64
        package var rejected: UInt64
        package var dropped: UInt64
        package var pending: UInt64
        package var lastFailure: String?
    }

    /// Counters of all that ships. A value.
    package struct Statistics: Sendable {
        package var sinks: [SinkStatistics] = []
        package var spoolBytes = 0
        package var damaged: UInt64 = 0
        package var writeErrors: UInt64 = 0
        /// Events that came faster than the spool took them; also in every sink's `dropped`.
        package var overflowed: UInt64 = 0
        /// Events that collectors never got which are configured no longer.
        package var abandoned: UInt64 = 0
    }

    private struct Inbox: Sendable {
        var lines: [[UInt8]] = []
        var bytes = 0
        var isPlanned = false
        var overflowed: UInt64 = 0
        var lossesTold: UInt64 = 0
        var isStarted = false
        var isStopped = false
    }

    /// What may wait for the spool's disk before events are dropped.
    private static let inboxMaximum = 8 << 20

    private let spool: Spool
    private let senders: Guarded<[Sender]>
    /// Senders of collectors that are named no more, until what waited for them is given up. Its lock is held through every change of
    /// the collectors: one that comes back is found either here or forgotten, and never forgotten after it came back.
    private let leaving = Guarded<[String: Sender]>([:])
    private let abandoned = Atomic<UInt64>(0)
    private let log: @Sendable (String) -> Void
    /// What a sender whose settings changed has left to finish what is under way.
    private static let changePatience = Duration.seconds(1)
    private let inbox = Guarded(Inbox())
    private let queue = DispatchQueue(label: "loginward.shipper")

    package init(spool: Spool, sinks: [SinkDescription], log: @escaping @Sendable (String) -> Void) {
        self.spool = spool
        self.log = log
        let host = Host.name()
        senders = Guarded(sinks.map { Sender($0, spool: spool, host: host, log: log) })
    }

    private var current: [Sender] { senders.withLock { $0 } }

    /// Feeds these sinks from now on. One that did not change goes on undisturbed; one that changed takes over what waits under its name; a new one begins with the next event;
    /// what waits for one that is named no more is given up and counted. Not before `start`, one call at a time.
    package func adopt(_ sinks: [SinkDescription], spoolBytes: Int, spoolAge: Duration? = nil) {
        spool.limit(to: spoolBytes)
        if let spoolAge { spool.limit(toAge: spoolAge) }
        leaving.withLock { leaving in
            let before = current
            let host = Host.name()
            var fresh: [Sender] = []
            let after = sinks.map { sink -> Sender in
                let kept = before.first { $0.description.name == sink.name }
                // A file of certificates may have changed behind its name.
                if let kept, kept.description == sink, !sink.security.hasFiles { return kept }
                let known = kept ?? leaving.removeValue(forKey: sink.name)
                known?.handOver(deadline: Self.changePatience)
                let sender = Sender(sink, spool: spool, host: host, replacing: known, isNew: known == nil, log: log)
                fresh.append(sender)
                return sender
            }
            senders.withLock { $0 = after }
            for sender in fresh { sender.start() }
            for sender in before where !sinks.contains(where: { $0.name == sender.description.name }) {
                leaving[sender.description.name] = sender
                giveUp(sender)
            }
        }
    }

    private func giveUp(_ sender: Sender) {
        sender.stop(deadline: Self.changePatience)
        let name = sender.description.name
        // Not on the shipper's queue: events go on while this waits.
        DispatchQueue.global(qos: .utility).async { [self] in
            _ = sender.waitUntilFinished(Self.changePatience + .seconds(2))
            leaving.withLock { leaving in
                // It may have come back meanwhile.
                guard let last = leaving[name], last === sender else { return }
                leaving[name] = nil
                let (left, dropped) = spool.forget(sink: name)
                abandoned.wrappingAdd(left + dropped, ordering: .relaxed)
                if left > 0 {
                    log("collector \(name) is no longer configured, \(left) events that waited for it are lost")
                }
            }
        }
    }

    package func start() {
        let isFirst = inbox.withLock { inbox in
            defer { inbox.isStarted = true }
            return !inbox.isStarted && !inbox.isStopped
        }
        if isFirst { for sender in current { sender.start() } }
    }

    /// Takes lines of JSON without their newline. Never waits for the disk.
    package func take(_ lines: [[UInt8]]) {
        let mustPlan = inbox.withLock { inbox in
            for index in lines.indices {
                if inbox.isStopped || inbox.bytes + lines[index].count > Self.inboxMaximum {
                    inbox.overflowed += 1
                    continue
                }
                inbox.bytes += lines[index].count
                inbox.lines.append(lines[index])
            }
            let mustPlan = !inbox.isPlanned && !inbox.lines.isEmpty
            if mustPlan { inbox.isPlanned = true }
            return mustPlan
        }
        if mustPlan { queue.async { self.drain() } }
    }

    private func drain() {
        let lines = inbox.withLock { inbox in
            inbox.isPlanned = false
            inbox.bytes = 0
            let lines = inbox.lines
            inbox.lines = []
            return lines
        }
        let senders = current
        // Without a collector nobody would ever read them.
        if lines.isEmpty || senders.isEmpty { return }
        spool.append(lines)
        for sender in senders { sender.notify() }
        noteLosses()
    }

    /// Says that events are lost, first at once and then each time that their number has doubled.
    private func noteLosses() {
        let lost = spool.dropped + inbox.withLock { $0.overflowed }
        let must = inbox.withLock { inbox in
            if lost == 0 || lost < 2 * inbox.lossesTold { return false }
            inbox.lossesTold = lost
            return true
        }
        if must { log("the spool is full, \(lost) events are lost so far") }
    }

    /// Files are opened anew, after a rotation.
    package func reopen() {
        for sender in current { sender.reopen() }
    }

    /// Writes all that was taken to the spool, gives the sinks so long to take it, and closes the spool. Blocks.
    package func stop(deadline: Duration) {
        let (isFirst, isStarted) = inbox.withLock { inbox in
            defer { inbox.isStopped = true }
            return (!inbox.isStopped, inbox.isStarted)
        }
        if !isFirst { return }
        queue.sync { drain() }
        if isStarted {
            let end = ContinuousClock.now + deadline
            let all = current
            for sender in all { sender.stop(deadline: deadline) }
            // libcurl looks at the moment of giving up about once a second.
            for sender in all { _ = sender.waitUntilFinished(max(.zero, end - .now) + .seconds(2)) }
        }
        spool.stop()
    }

    package var statistics: Statistics {
        let kept = spool.statistics
        let overflowed = inbox.withLock { $0.overflowed }
        var statistics = Statistics(
            spoolBytes: kept.bytes, damaged: kept.damaged, writeErrors: kept.writeErrors, overflowed: overflowed,
            abandoned: abandoned.load(ordering: .relaxed))
        for sender in current {
            let name = sender.description.name
            let counters = sender.counters
            statistics.sinks.append(
                SinkStatistics(
                    name: name, sent: counters.sent, retried: counters.retried, rejected: counters.rejected,
                    dropped: (kept.dropped[name] ?? 0) + overflowed, pending: kept.pending[name] ?? 0,
                    lastFailure: counters.lastFailure))
        }
        return statistics
    }
}
