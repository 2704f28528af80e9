// SPDX-License-Identifier: Apache-2.0
import Admin
import Archive
import Config
import Dispatch
import Glibc
import Lists
import Proxy
import Shipping
import Synchronization
import Transport
import Wire

/// Why the daemon could not start.
struct StartTrouble: Error {
    var what: String
    var fields: [String: String]
    var status: Int32

    init(_ what: String, _ fields: [String: String], _ code: Int32) {
        self.what = what
        self.fields = fields
        self.fields["reason"] = unsafe String(cString: strerror(code))
        status = code == EACCES || code == EPERM ? ExitStatus.permission : ExitStatus.failure
    }
}

/// The running daemon: loops, files, event ways, admin side. Made by `start`, ended by `stop`. Shared.
final class Gate: Sendable {
    let loops: LoopSet
    let reloader: Reloader
    private let slots: SlotRegistry
    private let outputs: Outputs
    private let detection: DetectionQueue
    private let coverage: Coverage
    private let memory: DetectionMemory
    private let sessions: SessionMemory
    private let lists: RunTimeLists
    private let listTicker = Ticker(label: "loginward.lists")
    private let reports: EventReports
    private let health: HealthChecks
    private let admin = Guarded<AdminServer?>(nil)
    private let startedUnixSeconds = Clock.unixSeconds
    private let isDraining = Atomic<Bool>(false)
    private let log: Logs

    private init(
        loops: LoopSet, reloader: Reloader, slots: SlotRegistry, outputs: Outputs, health: HealthChecks,
        coverage: Coverage, memory: DetectionMemory, sessions: SessionMemory, lists: RunTimeLists, log: Logs
    ) {
        self.sessions = sessions
        self.memory = memory
        self.lists = lists
        self.loops = loops
        self.reloader = reloader
        self.slots = slots
        self.outputs = outputs
        self.health = health
        self.log = log
        self.coverage = coverage
        reports = EventReports()
        detection = DetectionQueue(
            rings: loops.rings + [reports.ring], outputs: outputs, coverage: coverage, ledger: memory.ledger, log: log)
    }

    static func start(
        path: String, loaded: LoadedPolicy, slots: SlotRegistry, names: NameRefresh, manager: ServiceManager, log: Logs,
        descriptors: Int
    ) throws(StartTrouble) -> Gate {
        let configuration = loaded.configuration
        let outputs = try Outputs(configuration, log: log)
        let prepared = try outputs.prepare(configuration)
        let count = configuration.workers ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let memory = DetectionMemory(
            stateDirectory: configuration.stateDirectory, settings: configuration.detection, log: log)
        let ledger = memory.ledger
        let sessions = SessionMemory(
            stateDirectory: configuration.stateDirectory, settings: configuration.sessions, hash: ledger.hash, log: log)
        let loops: LoopSet
        do throws(Fault) {
            loops = try LoopSet(
                count: count, policy: loaded.policy, accessLog: outputs.accessLog, ledger: ledger,
                sessions: sessions.tokens,
                descriptors: descriptors, manager: manager, log: log)
        } catch {
            outputs.discard(prepared)
            throw StartTrouble("cannot start the loops", ["fault": error.description], error.errno)
        }
        if let first = loops.prepareListeners(loaded.policy).first {
            outputs.discard(prepared)
            loops.stop()
            throw StartTrouble(
                "cannot listen", ["address": first.address, "fault": first.fault.description], first.fault.errno)
        }
        let health = HealthChecks(loop: loops.handles[0], log: log)
        let lists = try openLists(configuration, loops, log)
        let coverage = Coverage(stateDirectory: configuration.stateDirectory, loops: loops, log: log)
        let reloader = Reloader(
            path: path, loaded: loaded, slots: slots, names: names, loops: loops, outputs: outputs, manager: manager,
            log: log,
            changed: {
                health.adopt($0)
                coverage.keep($0.policy)
                ledger.adopt($0.configuration.detection)
                sessions.adopt($0.configuration.sessions)
                lists.changeLimit(to: $0.configuration.overlayEntries)
            })
        let gate = Gate(
            loops: loops, reloader: reloader, slots: slots, outputs: outputs, health: health, coverage: coverage,
            memory: memory, sessions: sessions, lists: lists, log: log)
        do throws(StartTrouble) {
            try gate.openAdmin(configuration)
        } catch {
            outputs.discard(prepared)
            loops.stop()
            throw error
        }
        outputs.adopt(prepared)
        gate.detection.start()
        memory.start()
        sessions.start()
        gate.listTicker.start(everyMilliseconds: 1_000) { lists.letGo(now: Clock.unixSeconds) }
        health.adopt(loaded)
        loops.adopt(loaded.policy)
        return gate
    }

    /// Opens the journal and tells the loops of what it holds, before any of them accepts.
    private static func openLists(
        _ configuration: Configuration, _ loops: LoopSet, _ log: Logs
    ) throws(StartTrouble) -> RunTimeLists {
        let path = "\(configuration.stateDirectory)/lists.journal"
        do throws(DiskFault) {
            try DiskFile.makeDirectory(configuration.stateDirectory)
            let lists = try RunTimeLists(path: path, limit: configuration.overlayEntries, now: Clock.unixSeconds) {
                loops.change($0)
            }
            if lists.damagedBytes > 0 {
                log.warning(
                    "the journal of the lists held bytes that are no record",
                    ["path": path, "bytes": "\(lists.damagedBytes)"])
            }
            loops.change(lists.all)
            return lists
        } catch {
            loops.stop()
            throw StartTrouble("cannot use the journal of the lists", ["path": path], error.code)
        }
    }

    private func openAdmin(_ configuration: Configuration) throws(StartTrouble) {
        guard let settings = configuration.admin, let address = SocketAddress(settings.address) else { return }
        do throws(Fault) {
            let server = try AdminServer(address: address, actions: actions())
            log.info("admin", ["address": server.address.description])
            admin.withLock { $0 = server }
        } catch {
            throw StartTrouble(
                "cannot open the admin listener", ["address": settings.address, "fault": error.description], error.errno
            )
        }
    }

    // MARK: What the admin side sees

    private func actions() -> AdminActions {
        AdminActions(
            metrics: { [self] in
                let names = slots.all
                return MetricsReport(
                    counters: loops.counters(), services: names.services, rules: names.rules,
                    events: outputs.shipper?.statistics, archive: outputs.archive?.statistics,
                    losses: outputs.accessLog.losses, reload: reloader.last,
                    policy: reloader.current.policy
                ).families() + coverageReport().families()
                    + ListActions.families(lists.counts, reloader.current.policy)
                    + NotificationsReport.families(outputs.notifications.statistics) + [
                        MetricFamily(
                            "loginward_session_users", .gauge, "Users of whom session tokens are remembered.",
                            value: Double(sessions.tokens.userCount))
                    ]
            },
            status: { [self] in
                StatusReport(
                    counters: loops.counters(), events: outputs.shipper?.statistics, reload: reloader.last,
                    policy: reloader.current.policy,
                    startedUnixSeconds: startedUnixSeconds, listeners: loops.addresses,
                    findings: coverageReport().findings
                ).json()
            }, readiness: { [self] in readiness() },
            events: { [self] limit, login, client in
                guard let archive = outputs.archive else {
                    return .failure(AdminTrouble(status: 404, "no archive is configured"))
                }
                do throws(ArchiveFault) {
                    return .success(try archive.recent(.init(limit: limit, login: login, client: client)))
                } catch {
                    return .failure(AdminTrouble(status: 500, error.description))
                }
            },
            coverage: { [self] in coverageReport().json() },
            signals: { [self] in SignalReport.list(of: memory.ledger.signals(limit: 100)) },
            report: { [self] body in
                reports.take(
                    body, services: reloader.current.policy.services.map { String(decoding: $0.name, as: UTF8.self) })
            },
            testNotification: { [self] in outputs.notifications.test($0, $1) },
            lists: { [self] question in
                ListActions(lists: lists, policy: reloader.current.policy, archive: outputs.archive, loops: loops)
                    .answer(question)
            },
            reload: { [self] completion in
                reloader.reload { completion($0.generation, $0.needsRestart, $0.problems.map(\.description)) }
            })
    }

    private func coverageReport() -> CoverageReport {
        CoverageReport(
            routes: coverage.routes, findings: coverage.findings(reloader.current.policy, loops.counters()))
    }

    private func readiness() -> [(check: String, trouble: String?)] {
        let age = MonotonicTime.now() - loops.oldestTurn
        let down = reloader.current.policy.services.filter {
            !$0.upstream.servers.contains { $0.isPassing && $0.addressCount > 0 }
        }
        return [
            ("draining", isDraining.load(ordering: .relaxed) ? "the daemon is stopping" : nil),
            ("loops", age > .seconds(5) ? "a loop has not turned for \(age)" : nil),
            (
                "upstreams",
                down.isEmpty
                    ? nil
                    : "no server for \(down.map { String(decoding: $0.name, as: UTF8.self) }.joined(separator: ", "))"
            ),
        ]
    }

    /// Files that logrotate moved are opened anew.
    func reopenFiles() {
        log.info("reopening files")
        outputs.reopen()
    }

    /// Lets exchanges finish within `shutdown_timeout`, then ends what is left; sends what events can still be sent.
    func stop() {
        isDraining.store(true, ordering: .relaxed)
        let timeout = reloader.current.configuration.shutdownTimeout
        let deadline = MonotonicTime.now() + timeout
        health.stop()
        loops.drain()
        while loops.counters().open > 0 && MonotonicTime.now() < deadline { usleep(20_000) }
        loops.stop()
        detection.stop()
        memory.stop()
        sessions.stop()
        coverage.stop()
        listTicker.stop()
        outputs.archive?.drain()
        outputs.shipper?.stop(deadline: .seconds(3))
        outputs.notifications.stop(deadline: .seconds(3))
        outputs.accessLog.drain()
        admin.withLock { server in
            server?.stop()
            server = nil
        }
    }
}
