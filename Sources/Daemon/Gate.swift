// SPDX-License-Identifier: Apache-2.0
import Config
import Dispatch
import Glibc
import Proxy
import Transport
import Wire

/// Why the daemon could not start.
struct StartTrouble: Error {
    var what: String
    var fields: [String: String]
    var status: Int32
}

/// The running daemon: loops, files, event ways, admin side. Made by `start`, ended by `stop`. Shared.
final class Gate: Sendable {
    let loops: LoopSet
    let reloader: Reloader
    private let accessLog: LogFile?
    private let log: Logs

    private init(loops: LoopSet, reloader: Reloader, accessLog: LogFile?, log: Logs) {
        self.loops = loops
        self.reloader = reloader
        self.accessLog = accessLog
        self.log = log
    }

    static func start(
        path: String, loaded: LoadedPolicy, slots: SlotRegistry, endpoints: EndpointRegistry, manager: ServiceManager,
        log: Logs
    ) -> Result<Gate, StartTrouble> {
        let configuration = loaded.configuration
        var accessLog: LogFile?
        if let settings = configuration.accessLog {
            let opened = LogFile.open(path: settings.path)
            guard let file = opened.file else {
                return .failure(trouble("cannot open the access log", ["path": settings.path], opened.errno))
            }
            accessLog = file
        }
        let count = configuration.workers ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let loops: LoopSet
        do throws(Fault) {
            loops = try LoopSet(
                count: count, policy: loaded.policy, accessLog: accessLog, inherited: ServiceManager.inheritedSockets(),
                log: log)
        } catch {
            return .failure(trouble("cannot start the loops", ["fault": error.description], error.errno))
        }
        let faults = loops.prepareListeners(loaded.policy)
        if let first = faults.first {
            loops.stop()
            return .failure(
                trouble(
                    "cannot listen", ["address": first.address, "fault": first.fault.description], first.fault.errno))
        }
        loops.adopt(loaded.policy)
        let reloader = Reloader(
            path: path, loaded: loaded, slots: slots, endpoints: endpoints, loops: loops, manager: manager, log: log,
            changed: { _ in })
        return .success(Gate(loops: loops, reloader: reloader, accessLog: accessLog, log: log))
    }

    private static func trouble(_ what: String, _ fields: [String: String], _ code: Int32) -> StartTrouble {
        var fields = fields
        fields["reason"] = unsafe String(cString: strerror(code))
        return StartTrouble(
            what: what, fields: fields,
            status: code == EACCES || code == EPERM ? ExitStatus.permission : ExitStatus.failure)
    }

    /// Files that logrotate moved are opened anew.
    func reopenFiles() {
        log.info("reopening files")
        accessLog?.reopen()
    }

    /// Lets exchanges finish within `shutdown_timeout`, then ends what is left.
    func stop() {
        loops.drain()
        let deadline = MonotonicTime.now() + reloader.current.configuration.shutdownTimeout
        while loops.counters().open > 0 && MonotonicTime.now() < deadline { usleep(20_000) }
        loops.stop()
        accessLog?.drain()
    }
}
