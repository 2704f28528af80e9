// SPDX-License-Identifier: Apache-2.0
import Config
import Dispatch
import Proxy
import Rules
import Transport
import Wire

/// What the last load came to.
struct ReloadOutcome: Sendable {
    var generation: Int
    var problems: [Problem]
    /// Settings that were changed and that only a restart applies, in order.
    var needsRestart: [String] = []
    var unixSeconds: Int64

    var isGood: Bool { problems.isEmpty }
}

/// Reads, compiles and publishes a configuration; keeps the old one when anything is wrong. Runs on its own serial queue, so that two
/// reloads never overlap. Shared.
final class Reloader: Sendable {
    private struct State {
        var loaded: LoadedPolicy
        var last: ReloadOutcome
        var generation = 1
        /// What the process was started with.
        let started: Configuration
    }

    private let path: String
    private let slots: SlotRegistry
    private let names: NameRefresh
    private let loops: LoopSet
    private let outputs: Outputs
    private let manager: ServiceManager
    private let log: Logs
    private let state: Guarded<State>
    private let queue = DispatchQueue(label: "loginward.reload")
    /// Told after each reload that succeeded.
    private let changed: @Sendable (LoadedPolicy) -> Void

    init(
        path: String, loaded: LoadedPolicy, slots: SlotRegistry, names: NameRefresh, loops: LoopSet,
        outputs: Outputs, manager: ServiceManager, log: Logs, changed: @escaping @Sendable (LoadedPolicy) -> Void
    ) {
        self.path = path
        self.slots = slots
        self.names = names
        self.loops = loops
        self.outputs = outputs
        self.manager = manager
        self.log = log
        self.changed = changed
        state = Guarded(
            State(
                loaded: loaded, last: ReloadOutcome(generation: 1, problems: [], unixSeconds: Clock.unixSeconds),
                started: loaded.configuration))
    }

    var current: LoadedPolicy { state.withLock { $0.loaded } }
    var last: ReloadOutcome { state.withLock { $0.last } }

    /// Reloads and then calls `completion`, both off the loops.
    func reload(_ completion: @escaping @Sendable (ReloadOutcome) -> Void = { _ in }) {
        queue.async { [self] in
            manager.reloading()
            let outcome = perform()
            if outcome.isGood {
                for setting in outcome.needsRestart {
                    log.warning("a changed setting waits for a restart", ["setting": setting])
                }
                log.info("reloaded", ["generation": "\(outcome.generation)"])
                manager.ready("generation \(outcome.generation)")
            } else {
                for problem in outcome.problems { log.error("configuration", ["problem": problem.description]) }
                log.error("reload failed, the old configuration stays", ["problems": "\(outcome.problems.count)"])
                manager.ready("running generation \(outcome.generation); the last reload failed")
            }
            completion(outcome)
        }
    }

    private func perform() -> ReloadOutcome {
        let (generation, old) = state.withLock { ($0.generation, $0.loaded.policy) }
        let read = PolicyCompiler.load(
            path: path, generation: generation + 1, slots: slots, endpoints: names.endpoints, replacing: old)
        var problems = read.problems
        var needsRestart = state.withLock { $0.last.needsRestart }
        if let result = read.result {
            problems += loops.prepareListeners(result.policy).map {
                Problem(Place(file: path), "cannot listen at \($0.address): \($0.fault)")
            }
            let prepared = prepareOutputs(result.configuration, &problems)
            if problems.isEmpty, let prepared {
                // A server that is new has no address before it was asked for.
                names.refresh(onlyUnknown: true)
                warnOfShrinking(old, result.policy)
                Reloader.tell(result.configuration.warnings, log)
                outputs.adopt(prepared)
                loops.adopt(result.policy)
                needsRestart = restartNeeded(result.configuration)
                state.withLock { state in
                    state.generation = generation + 1
                    state.loaded = result
                }
                changed(result)
            } else if let prepared {
                outputs.discard(prepared)
            }
            if !problems.isEmpty { loops.discardListeners(old) }
        }
        let outcome = ReloadOutcome(
            generation: problems.isEmpty ? generation + 1 : generation, problems: problems,
            needsRestart: needsRestart, unixSeconds: Clock.unixSeconds)
        state.withLock { $0.last = outcome }
        names.endpoints.keep(only: current.policy.services.flatMap(\.upstream.servers))
        return outcome
    }

    /// A start and a reload tell what `check` tells.
    static func tell(_ warnings: [Problem], _ log: Logs) {
        for warning in warnings { log.warning("configuration", ["warning": warning.description]) }
    }

    private func warnOfShrinking(_ old: Policy, _ new: Policy) {
        for (name, before, after) in [
            ("denylist", old.denylist, new.denylist), ("allowlist", old.allowlist, new.allowlist),
        ] where PolicyCompiler.hasShrunk(from: before, to: after) {
            log.warning(
                "a list has less than half of its entries left",
                ["list": name, "before": "\(before.count)", "after": "\(after.count)"])
        }
    }

    private func prepareOutputs(_ configuration: Configuration, _ problems: inout [Problem]) -> Outputs.Prepared? {
        do throws(StartTrouble) {
            return try outputs.prepare(configuration)
        } catch {
            let place = configuration.accessLog?.place ?? Place(file: path)
            let path = error.fields["path"] ?? ""
            problems.append(Problem(place, "\(error.what): \(path): \(error.fields["reason"] ?? "")"))
            return nil
        }
    }

    /// What is built once: the loops, the admin listener, the files of the state directory.
    private func restartNeeded(_ now: Configuration) -> [String] {
        let started = state.withLock { $0.started }
        var settings: [String] = []
        if now.admin?.address != started.admin?.address { settings.append("admin") }
        if now.archive?.retention != started.archive?.retention
            || now.archive?.maximumEvents != started.archive?.maximumEvents
            || now.archive?.maximumBytes != started.archive?.maximumBytes
        {
            settings.append("archive")
        }
        if now.stateDirectory != started.stateDirectory { settings.append("state_directory") }
        if now.workers != started.workers { settings.append("workers") }
        return settings
    }
}

/// The wall clock, for labels.
enum Clock {
    static var unixSeconds: Int64 { MonotonicTime.unixNanoseconds() / 1_000_000_000 }
}
