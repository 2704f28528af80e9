// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Transport

/// Brings the spool's records to one sink, batch by batch, for as long as it takes. Owned by the `Shipper`; it blocks only on its
/// own serial queue, the other functions may be called from any thread.
final class Sender: Sendable {
    struct Counters: Sendable {
        var sent: UInt64 = 0
        var retried: UInt64 = 0
        var rejected: UInt64 = 0
        var lastFailure: String?

        static func + (now: Counters, before: Counters) -> Counters {
            Counters(
                sent: now.sent + before.sent, retried: now.retried + before.retried,
                rejected: now.rejected + before.rejected, lastFailure: now.lastFailure ?? before.lastFailure)
        }
    }

    private struct State: Sendable {
        var counters = Counters()
        var stopAt: ContinuousClock.Instant?
        /// Another sender takes over what it has not begun.
        var leavesRest = false
        var isFailing = false
        /// Whose name, records and counts this one took over; nil when that one has ended.
        var predecessor: Sender?
    }

    /// A request of this many bytes is well below what collectors take (OTLP: 64 MiB).
    private static let batchBytes = 4 << 20

    let description: SinkDescription
    private let spool: Spool
    private let log: @Sendable (String) -> Void
    private let queue: DispatchQueue
    private let wake = DispatchSemaphore(value: 0)
    private let finished = DispatchSemaphore(value: 0)
    private let state = Guarded(State())
    private let target: Target
    private let refused: RefusedEvents

    init(
        _ description: SinkDescription, spool: Spool, host: String, replacing predecessor: Sender? = nil,
        isNew: Bool = false,
        log: @escaping @Sendable (String) -> Void
    ) {
        self.description = description
        self.spool = spool
        self.log = log
        queue = DispatchQueue(label: "loginward.sink.\(description.name)")
        target = Target(description, host: host)
        refused = RefusedEvents(directory: spool.directory, sink: description.name)
        spool.register(sink: description.name, isNew: isNew)
        state.withLock { $0.predecessor = predecessor }
    }

    /// What this sender and those before it under its name counted.
    var counters: Counters {
        let (own, predecessor) = state.withLock { ($0.counters, $0.predecessor) }
        return predecessor.map { own + $0.counters } ?? own
    }

    /// Begins when the predecessor has ended: two senders of one name would send everything twice.
    func start() {
        queue.async {
            if let predecessor = self.state.withLock({ $0.predecessor }) {
                predecessor.finished.wait()
                predecessor.finished.signal()
                let before = predecessor.counters
                self.state.withLock { state in
                    state.counters = state.counters + before
                    state.predecessor = nil
                }
            }
            self.run()
        }
    }

    /// Something came in.
    func notify() { wake.signal() }

    func reopen() { target.reopen() }

    /// What is pending is still tried until the deadline; the rest stays in the spool.
    func stop(deadline: Duration) {
        state.withLock { $0.stopAt = .now + deadline }
        target.giveUp(after: deadline)
        wake.signal()
    }

    /// Ends with the batch that it has in hand: the rest is for the sender that replaces it.
    func handOver(deadline: Duration) {
        state.withLock { $0.leavesRest = true }
        stop(deadline: deadline)
    }

    /// False when the queue did not end in time. Any number may wait: whoever was woken wakes the next.
    func waitUntilFinished(_ duration: Duration) -> Bool {
        let isFinished = finished.wait(timeout: .now() + .milliseconds(duration.milliseconds)) == .success
        if isFinished { finished.signal() }
        return isFinished
    }

    // MARK: On the queue

    private var stopAt: ContinuousClock.Instant? { state.withLock { $0.stopAt } }

    private var isOver: Bool { stopAt.map { $0 <= .now } ?? false }

    private func run() {
        while !isOver {
            waitForBatch()
            if state.withLock({ $0.leavesRest }) { break }
            let batch = spool.read(
                sink: description.name, maximumRecords: max(1, description.recordsAtOnce),
                maximumBytes: Self.batchBytes)
            if batch.isEmpty {
                // Damaged records have no content but are passed over.
                spool.acknowledge(batch)
                if stopAt != nil { break }
                // Records that cannot be read now (no descriptors) are tried again soon.
                let pause = spool.pending(sink: description.name) == 0 ? 60_000 : 250
                _ = wake.wait(timeout: .now() + .milliseconds(pause))
            } else if deliver(batch.records[...], of: batch) {
                spool.acknowledge(batch)
            }
        }
        finished.signal()
    }

    private func waitForBatch() {
        let deadline = ContinuousClock.now + description.flushInterval
        while stopAt == nil {
            let pending = spool.pending(sink: description.name)
            let left = deadline - .now
            if pending == 0 || pending >= UInt64(max(1, description.batchEvents)) || left <= .zero { return }
            _ = wake.wait(timeout: .now() + .milliseconds(left.milliseconds + 1))
        }
    }

    /// Tries until the sink has decided; false when it was told to stop before, or the batch grew too old.
    private func deliver(_ part: ArraySlice<[UInt8]>, of batch: Batch) -> Bool {
        var backoff = Backoff()
        var lines = part
        while true {
            switch target.attempt(lines) {
            case .passedOver: return true
            case .delivered(let rejected):
                let lost = min(rejected, UInt64(lines.count))
                count(sent: UInt64(lines.count) - lost, rejected: lost)
                if lost > 0 {
                    reject(lines, "rejected \(lost) of \(lines.count) events", "\(lost) of these \(lines.count)")
                }
                return true
            case .refused(let reason, let isTooLarge):
                if isTooLarge && lines.count > 1 {
                    let middle = lines.startIndex + lines.count / 2
                    return deliver(lines[..<middle], of: batch) && deliver(lines[middle...], of: batch)
                }
                state.withLock { state in
                    state.counters.rejected += UInt64(lines.count)
                    state.counters.lastFailure = reason
                }
                reject(lines, "rejected \(lines.count) events: \(reason)", reason)
                return true
            case .partly(let again, let refused, let asked, let reason):
                count(sent: UInt64(max(0, lines.count - again.count - refused.count)), rejected: UInt64(refused.count))
                let start = lines.startIndex
                for one in refused {
                    let place = start + one.place
                    reject(lines[place...place], "rejected an event: \(one.reason)", one.reason)
                }
                if again.isEmpty { return true }
                if again.count < lines.count { backoff = Backoff() }
                lines = again.map { lines[start + $0] }[...]
                // Only the one that was in the way is gone: the others may go at once.
                if asked == .zero { continue }
                noteFailure(reason)
                if !pause(backoff.next(asked: asked)) || spool.isExpired(batch) { return false }
            case .retry(let asked, let reason):
                noteFailure(reason)
                if !pause(backoff.next(asked: asked)) || spool.isExpired(batch) { return false }
            }
        }
    }

    private func count(sent: UInt64, rejected: UInt64) {
        let recovered = state.withLock { state in
            state.counters.sent += sent
            state.counters.rejected += rejected
            if sent == 0 { return false }
            defer { state.isFailing = false }
            return state.isFailing
        }
        if recovered { log("\(description.title) takes events again") }
    }

    private func noteFailure(_ reason: String) {
        let isNew = state.withLock { state in
            state.counters.retried += 1
            state.counters.lastFailure = reason
            defer { state.isFailing = true }
            return !state.isFailing
        }
        if isNew { log("\(description.title) does not take events, they wait in the spool: \(reason)") }
    }

    /// The collector will never take these: they are set aside, so that somebody can look at them.
    private func reject(_ lines: ArraySlice<[UInt8]>, _ what: String, _ reason: String) {
        do throws(DiskFault) {
            try refused.keep(lines, reason: reason, unixNanoseconds: Int64(clamping: Host.unixNanoseconds()))
            log("\(description.title) \(what); they are in \(refused.path)")
        } catch {
            log("\(description.title) \(what); they are lost: \(error)")
        }
    }

    /// Waits; false when it is time to end.
    private func pause(_ duration: Duration) -> Bool {
        let end = ContinuousClock.now + duration
        while true {
            let stop = stopAt
            let left = min(end, stop ?? end) - .now
            if left <= .zero { return !isOver }
            _ = wake.wait(timeout: .now() + .milliseconds(left.milliseconds + 1))
        }
    }
}
