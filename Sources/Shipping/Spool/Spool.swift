// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Glibc
import Transport

/// Records that one sink reads and then acknowledges. A value.
package struct Batch: Sendable {
    package let sink: String
    package internal(set) var records: [[UInt8]] = []
    package internal(set) var bytes = 0
    /// One behind the last record's sequence number.
    var end: UInt64
    var segment: UInt64?
    var offset = 0

    /// Nothing to send. It may still move the cursor over damaged records when it is acknowledged.
    package var isEmpty: Bool { records.isEmpty }

    init(sink: String, end: UInt64) {
        self.sink = sink
        self.end = end
    }
}

/// Events on disk until every sink has them: checked frames in segment files, one cursor a sink, bounded. Owned by the
/// `Shipper`; any thread may call it, it blocks on the disk.
package final class Spool: Sendable {
    /// Counters of a spool. A value.
    package struct Statistics: Sendable {
        package var bytes = 0
        /// Bytes of records in memory because the disk refuses them.
        package var waitingBytes = 0
        package var damaged: UInt64 = 0
        package var writeErrors: UInt64 = 0
        package var lastError: DiskFault?
        /// Records that each sink will never see, by its name.
        package var dropped: [String: UInt64] = [:]
        package var pending: [String: UInt64] = [:]
    }

    /// Where its files are.
    let directory: String
    private let state: Guarded<SpoolState>
    private let queue = DispatchQueue(label: "loginward.spool")

    /// `recentBytes` of what was written stay in memory for sinks that keep up.
    package init(directory: String, maximumBytes: Int, recentBytes: Int = 2 << 20) throws {
        self.directory = directory
        state = Guarded(try SpoolState(directory: directory, maximumBytes: maximumBytes, recentMaximum: recentBytes))
    }

    deinit { stop() }

    package func register(sink: String, isNew: Bool = false) { state.withLock { $0.register(sink, isNew: isNew) } }

    /// Takes records. They are in the kernel's hands when this returns and on the disk 100 ms later; where the disk refuses them
    /// they wait in memory.
    package func append(_ records: [[UInt8]]) {
        let mustPlan = state.withLock { state in
            if state.isStopped { return false }
            state.append(records)
            let mustPlan = !state.isSyncPlanned
            state.isSyncPlanned = true
            return mustPlan
        }
        if mustPlan { planSync() }
    }

    /// Nothing is kept for this sink any more. Returns how many records it never acknowledged, and how many were dropped before.
    package func forget(sink: String) -> (left: UInt64, dropped: UInt64) { state.withLock { $0.forget(sink) } }

    /// How many bytes may stand on the disk; what is more goes with the next records.
    package func limit(to maximumBytes: Int) { state.withLock { $0.maximumBytes = max(4096, maximumBytes) } }

    /// How long a record waits. It is looked for what is older at least once a minute, and a record may grow an eighth older than that.
    package func limit(toAge age: Duration) {
        let isFirst = state.withLock { state in
            defer { state.maximumAge = age }
            return state.maximumAge == nil
        }
        if isFirst { planExpiry() }
    }

    /// All of it is older than records may become: whoever holds it lets go of it, and it is counted as dropped when he reads anew.
    func isExpired(_ batch: Batch) -> Bool { state.withLock { batch.end <= $0.cursors[batch.sink]?.expired ?? 0 } }

    private func planExpiry() {
        let pause = state.withLock { $0.isStopped ? nil : $0.expiryPause }
        guard let pause else { return }
        queue.asyncAfter(deadline: .now() + .milliseconds(pause.milliseconds)) { [weak self] in
            guard let self else { return }
            state.withLock { $0.dropExpired() }
            planExpiry()
        }
    }

    package func read(sink: String, maximumRecords: Int, maximumBytes: Int) -> Batch {
        state.withLock { $0.read(sink: sink, maximumRecords: maximumRecords, maximumBytes: maximumBytes) }
    }

    package func acknowledge(_ batch: Batch) {
        let mustPlan = state.withLock { state in
            if state.isStopped { return false }
            state.acknowledge(batch)
            let mustPlan = !state.isSyncPlanned && !state.dirtyCursors.isEmpty
            if mustPlan { state.isSyncPlanned = true }
            return mustPlan
        }
        if mustPlan { planSync() }
    }

    /// Writes and syncs what is left, and lets go of the directory.
    package func stop() { state.withLock { $0.stop() } }

    package func pending(sink: String) -> UInt64 { state.withLock { $0.pending(sink) } }

    package var statistics: Statistics {
        state.withLock { state in
            var statistics = Statistics(
                bytes: state.bytes, waitingBytes: state.waitingBytes, damaged: state.damaged,
                writeErrors: state.writeErrors, lastError: state.lastError)
            for (name, cursor) in state.cursors {
                statistics.dropped[name] = cursor.dropped
                statistics.pending[name] = state.pending(name)
            }
            return statistics
        }
    }

    /// Records that sinks will never see, all sinks together.
    package var dropped: UInt64 { state.withLock { $0.cursors.values.reduce(0) { $0 + $1.dropped } } }

    private func planSync() {
        queue.asyncAfter(deadline: .now() + .milliseconds(100)) { [weak self] in self?.sync() }
    }

    /// One fdatasync for all that came in the last 100 ms, outside the lock; and the cursors that moved.
    private func sync() {
        let (copy, isWaiting) = state.withLock { state in
            state.isSyncPlanned = false
            if state.isStopped { return (Int32(-1), false) }
            let isWaiting = !state.flush()
            state.storeCursors()
            let copy = state.needsSync && state.active >= 0 ? dup(state.active) : -1
            if copy >= 0 { state.needsSync = false }
            state.isSyncPlanned = isWaiting
            return (copy, isWaiting)
        }
        if copy >= 0 {
            if fdatasync(copy) != 0 {
                let fault = DiskFault("fdatasync", "spool")
                state.withLock { $0.note(fault) }
            }
            _ = close(copy)
        }
        if isWaiting { planSync() }
    }
}
