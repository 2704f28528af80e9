// SPDX-License-Identifier: Apache-2.0
import Config
import Dispatch
import Glibc
import Proxy
import Transport
import Wire

/// Starts everything in order, waits for the signal to stop, and stops everything in the opposite order.
enum Supervisor {
    /// Runs the daemon until SIGTERM or SIGINT; returns the exit status.
    static func run(configuration path: String, _ manager: ServiceManager, log: Logs) -> Int32 {
        UnixSignals.ignoreUntilReady()
        let slots = SlotRegistry()
        let endpoints = EndpointRegistry()
        let read = PolicyCompiler.load(path: path, generation: 1, slots: slots, endpoints: endpoints)
        guard let loaded = read.result else {
            for problem in read.problems { Terminal.error(problem.description) }
            log.error("the configuration has problems", ["count": "\(read.problems.count)", "file": path])
            return ExitStatus.configuration
        }
        Reloader.tell(loaded.configuration.warnings, log)
        let descriptors = raiseDescriptorLimit(log)
        let names = NameRefresh(endpoints: endpoints, log: log)
        names.refresh()
        do throws(StartTrouble) {
            let gate = try Gate.start(
                path: path, loaded: loaded, slots: slots, names: names, manager: manager, log: log,
                descriptors: descriptors)
            names.start()
            let code = wait(gate, manager, log)
            names.stop()
            return code
        } catch {
            log.error(error.what, error.fields)
            return error.status
        }
    }

    /// Waits for the end and carries it out.
    private static func wait(_ gate: Gate, _ manager: ServiceManager, _ log: Logs) -> Int32 {
        let ended = DispatchSemaphore(value: 0)
        let queue = DispatchQueue(label: "loginward.signals")
        let end: @Sendable () -> Void = { ended.signal() }
        let reload: @Sendable () -> Void = { gate.reloader.reload() }
        let reopen: @Sendable () -> Void = { gate.reopenFiles() }
        let signals = UnixSignals(
            on: queue, [(SIGTERM, end), (SIGINT, end), (SIGHUP, reload), (SIGUSR1, reopen)])
        let watchdog = Watchdog(loops: gate.loops, manager: manager)
        watchdog.start()
        manager.ready("generation 1")
        log.info("ready", ["version": Version.text, "pid": "\(getpid())"])
        ended.wait()
        manager.stopping()
        log.info("draining")
        watchdog.stop()
        gate.stop()
        log.info("stopped")
        _ = signals
        return 0
    }

    /// As many descriptors as the kernel allows. Returns how many of them clients may hold: a quarter and 32 stay for upstreams, events, logs
    /// and the admin side, so that a house full of clients still serves them.
    private static func raiseDescriptorLimit(_ log: Logs) -> Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return .max }
        if limit.rlim_cur < limit.rlim_max {
            let before = limit.rlim_cur
            limit.rlim_cur = limit.rlim_max
            if unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) != 0 { limit.rlim_cur = before }
        }
        return max(8, Int(clamping: limit.rlim_cur) / 4 * 3 - 32)
    }
}

/// Tells the service manager that the loops turn: only while every one of them does.
final class Watchdog: Sendable {
    private let loops: LoopSet
    private let manager: ServiceManager
    private let ticker = Ticker(label: "loginward.watchdog")

    init(loops: LoopSet, manager: ServiceManager) {
        self.loops = loops
        self.manager = manager
    }

    func start() {
        let seconds = manager.watchdogSeconds
        ticker.start(everyMilliseconds: max(10, Int((seconds ?? 60) * 1_000))) { [self] in
            guard let seconds else { return }
            // A loop that waits turns once a second; one that has not for so long is stuck.
            let age = MonotonicTime.now() - loops.oldestTurn
            if age < .seconds(max(2, seconds)) { manager.watchdog() }
        }
    }

    func stop() { ticker.stop() }
}
