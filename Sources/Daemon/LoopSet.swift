// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Glibc
import Proxy
import Rules
import Transport
import Wire

/// The loops with their workers, seen from outside: hands them policies and sockets, gathers their counts. Owned by the supervisor.
final class LoopSet: Sendable {
    private struct Open {
        var sockets: [String: ListeningSocket] = [:]
        /// Opened by an earlier life of this daemon, by listener, until somebody wants them.
        var kept: [String: Int32] = [:]
    }

    let handles: [LoopHandle]
    let rings: [EventRing]
    private let open = Guarded(Open())
    private let stopped = DispatchGroup()
    private let inherited: [String: Int32]
    private let manager: ServiceManager
    private let log: Logs

    /// Starts `count` loops, each with a worker under `policy`. They accept nothing before `listen`.
    /// `descriptors`: how many of them all clients together may hold.
    init(
        count: Int, policy: Policy, accessLog: LogFile, ledger: AttemptLedger, sessions: SessionTokens,
        descriptors: Int,
        manager: ServiceManager, log: Logs
    ) throws(Fault) {
        let given = ServiceManager.inheritedSockets()
        inherited = given.filter { ServiceManager.keptIdentity($0.key) == nil }
        for (name, descriptor) in given {
            guard let identity = ServiceManager.keptIdentity(name) else { continue }
            open.withLock { $0.kept[identity] = descriptor }
        }
        self.manager = manager
        self.log = log
        let failures = FailureMemory()
        var handles: [LoopHandle] = []
        var rings: [EventRing] = []
        for number in 0..<count {
            let ring = EventRing()
            let seed = (UInt64.random(in: 0 ... .max), UInt64.random(in: 0 ... .max))
            let group = stopped
            group.enter()
            let handle = try Loop.start(
                name: "loop-\(number)",
                prepare: { loop in
                    let worker = Worker(
                        loop: loop, policy: policy, events: ring, accessLog: accessLog, seed: seed, ledger: ledger,
                        sessions: sessions, failures: failures, loops: count,
                        descriptors: descriptors,
                        reportFault: { fault, server in
                            log.fault(
                                "upstream",
                                ["server": String(decoding: server, as: UTF8.self), "fault": fault.description])
                        })
                    loop.context = worker
                    loop.everySecond { _ in worker.everySecond() }
                }, whenStopped: { group.leave() })
            handles.append(handle)
            rings.append(ring)
        }
        self.handles = handles
        self.rings = rings
    }

    // MARK: Listeners

    /// Opens the sockets that `policy` names and are not open yet. Nothing is taken over when one fails.
    func prepareListeners(_ policy: Policy) -> [(address: String, fault: Fault)] {
        var faults: [(address: String, fault: Fault)] = []
        open.withLock { open in
            var fresh: [String: ListeningSocket] = [:]
            for listener in policy.listeners where open.sockets[listener.identity] == nil {
                do throws(Fault) {
                    if let descriptor = open.kept.removeValue(forKey: listener.identity) {
                        fresh[listener.identity] = try LoopSet.kept(descriptor, listener.identity)
                    } else {
                        fresh[listener.identity] = try socket(listener.identity)
                    }
                } catch {
                    faults.append((listener.identity, error))
                }
            }
            if faults.isEmpty { open.sockets.merge(fresh) { $1 } }
        }
        return faults
    }

    /// Closes what `prepareListeners` opened for a policy that is not adopted; `policy` is the one that stays.
    func discardListeners(_ policy: Policy) {
        let wanted = Set(policy.listeners.map(\.identity))
        open.withLock { open in open.sockets = open.sockets.filter { wanted.contains($0.key) } }
    }

    /// Takes up a socket of an earlier life; whoever waits in its queue has not noticed.
    private static func kept(_ descriptor: Int32, _ identity: String) throws(Fault) -> ListeningSocket {
        try ListeningSocket(
            inherited: Descriptor(owning: descriptor),
            path: identity.hasPrefix("unix:") ? String(identity.dropFirst(5)) : nil)
    }

    private func socket(_ identity: String) throws(Fault) -> ListeningSocket {
        if identity.hasPrefix("systemd:") {
            let name = String(identity.dropFirst(8))
            guard let descriptor = inherited[name] else {
                throw Fault(
                    .internal, "inherit", errno: ENOENT, detail: "the service manager gave no socket named \(name)")
            }
            // The original stays open, so that a reload may name it again.
            let copy = dup(descriptor)
            if copy < 0 { throw Fault(.internal, "dup", errno: errno) }
            return try ListeningSocket(inherited: Descriptor(owning: copy))
        }
        guard let address = SocketAddress(identity) else {
            throw Fault(.internal, "bind", errno: EINVAL, detail: identity)
        }
        return try ListeningSocket(address)
    }

    /// Puts `policy` in force: every loop adopts it, listens where it says, and leaves what it does not name.
    func adopt(_ policy: Policy) {
        let sockets = open.withLock { open -> [(ListenerPolicy, ListeningSocket)] in
            let wanted = Set(policy.listeners.map(\.identity))
            giveUp(open.sockets.filter { !wanted.contains($0.key) })
            open.sockets = open.sockets.filter { wanted.contains($0.key) }
            for (identity, descriptor) in open.kept {
                manager.forget(identity)
                close(descriptor)
            }
            open.kept.removeAll()
            return policy.listeners.compactMap { listener in open.sockets[listener.identity].map { (listener, $0) } }
        }
        for handle in handles {
            handle.post { loop in
                guard let worker = loop.context as? Worker else { return }
                worker.adopt(policy)
                worker.listen(sockets)
            }
        }
        for (listener, socket) in sockets {
            // The service manager has its own copy of what it gave us.
            if !listener.identity.hasPrefix("systemd:") { manager.keep(listener.identity, descriptor: socket.raw) }
            log.info("listening", ["address": socket.address.description, "listener": listener.identity])
        }
    }

    // MARK: Lists

    /// Tells every loop of changes to the lists. In letters of some hundred entries, so that an import holds up no request for long.
    func change(_ changes: [ListChange]) {
        for start in stride(from: 0, to: changes.count, by: LoopSet.letterEntries) {
            let part = Array(changes[start..<min(start + LoopSet.letterEntries, changes.count)])
            for handle in handles { handle.post { loop in (loop.context as? Worker)?.change(part) } }
        }
    }

    private static let letterEntries = 500

    /// Waits until every loop has read the letters that were posted before, at most a second; false: one is stuck.
    func settle() -> Bool {
        let group = DispatchGroup()
        for handle in handles {
            group.enter()
            handle.post { _ in group.leave() }
        }
        return group.wait(timeout: .now() + 1) == .success
    }

    // MARK: Counts

    /// The counts of all loops, or of those that answer within a second: a stuck loop must not hide the others.
    func counters() -> Counters {
        let group = DispatchGroup()
        let box = CounterBox()
        for handle in handles {
            group.enter()
            handle.post { loop in
                if let worker = loop.context as? Worker { box.add(worker.currentCounters) }
                group.leave()
            }
        }
        _ = group.wait(timeout: .now() + 1)
        return box.total
    }

    /// Where the open sockets really listen.
    var addresses: [String] { open.withLock { $0.sockets.values.map(\.address.description).sorted() } }

    /// The oldest pulse of all loops.
    var oldestTurn: MonotonicTime { handles.map(\.lastTurn).min() ?? .now() }

    // MARK: End

    /// No new connections, no new requests. Our sockets close, so that clients go elsewhere at once; the service manager's stay.
    func drain() {
        open.withLock { open in
            giveUp(open.sockets)
            open.sockets.removeAll()
        }
        for handle in handles { handle.post { loop in (loop.context as? Worker)?.drain() } }
    }

    /// Nobody new comes by these sockets. The loops serve who did, and close them.
    private func giveUp(_ sockets: [String: ListeningSocket]) {
        for (identity, socket) in sockets {
            manager.forget(identity)
            if !identity.hasPrefix("systemd:") { socket.refuseNewcomers() }
        }
    }

    /// Ends every connection and every loop, and waits for that.
    func stop() {
        for handle in handles {
            handle.post { loop in
                (loop.context as? Worker)?.closeAll()
                loop.stop()
            }
        }
        _ = stopped.wait(timeout: .now() + 5)
        open.withLock { $0.sockets.removeAll() }
    }
}

/// A sum that several loops add to.
final class CounterBox: Sendable {
    private let sum = Guarded(Counters())

    var total: Counters { sum.withLock { $0 } }

    func add(_ counters: Counters) { sum.withLock { $0.add(counters) } }
}
