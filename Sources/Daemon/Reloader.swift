// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Proxy
import Transport
import Wire

/// What the last load came to.
struct ReloadOutcome: Sendable {
    var generation: Int
    var problems: [Problem]
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
    }

    private let path: String
    private let slots: SlotRegistry
    private let endpoints: EndpointRegistry
    private let loops: LoopSet
    private let manager: ServiceManager
    private let log: Logs
    private let state: Guarded<State>
    private let queue = DispatchQueue(label: "loginward.reload")
    /// Told after each reload that succeeded.
    private let changed: @Sendable (LoadedPolicy) -> Void

    init(
        path: String, loaded: LoadedPolicy, slots: SlotRegistry, endpoints: EndpointRegistry, loops: LoopSet,
        manager: ServiceManager, log: Logs, changed: @escaping @Sendable (LoadedPolicy) -> Void
    ) {
        self.path = path
        self.slots = slots
        self.endpoints = endpoints
        self.loops = loops
        self.manager = manager
        self.log = log
        self.changed = changed
        state = Guarded(
            State(loaded: loaded, last: ReloadOutcome(generation: 1, problems: [], unixSeconds: Clock.unixSeconds)))
    }

    var current: LoadedPolicy { state.withLock { $0.loaded } }
    var last: ReloadOutcome { state.withLock { $0.last } }

    /// Reloads and then calls `completion`, both off the loops.
    func reload(_ completion: @escaping @Sendable (ReloadOutcome) -> Void = { _ in }) {
        queue.async { [self] in
            manager.reloading()
            let outcome = perform()
            if outcome.isGood {
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
            path: path, generation: generation + 1, slots: slots, endpoints: endpoints, replacing: old)
        var problems = read.problems
        if let result = read.result {
            problems += loops.prepareListeners(result.policy).map {
                Problem(Place(file: path), "cannot listen at \($0.address): \($0.fault)")
            }
            if problems.isEmpty {
                loops.adopt(result.policy)
                state.withLock { state in
                    state.generation = generation + 1
                    state.loaded = result
                }
                changed(result)
            }
        }
        let outcome = ReloadOutcome(
            generation: problems.isEmpty ? generation + 1 : generation, problems: problems,
            unixSeconds: Clock.unixSeconds)
        state.withLock { $0.last = outcome }
        return outcome
    }
}

/// The wall clock, for labels.
enum Clock {
    static var unixSeconds: Int64 { MonotonicTime.unixNanoseconds() / 1_000_000_000 }
}
