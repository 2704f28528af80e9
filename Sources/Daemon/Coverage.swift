// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Glibc
import Logins
import Proxy
import Transport
import Wire

/// Watches how well logins are seen: keeps `LoginWatch`, tells the loops what it learnt, says in the log what it found, keeps it on
/// disk. Shared: fed by the detection queue, asked by the admin side.
final class Coverage: Sendable {
    private struct State {
        var watch = LoginWatch()
        var alarms: Set<String> = []
        var lastSecond: Int64 = 0
        var lastSaved: Int64 = 0
    }

    private static let saveSeconds: Int64 = 60
    /// Requests that a service must have had before a silent login route is strange.
    private static let strangeRequests: UInt64 = 100

    private let state = Guarded(State())
    private let path: String
    private let loops: LoopSet
    private let log: Logs
    private let disk = DispatchQueue(label: "loginward.learnt")

    init(stateDirectory: String, loops: LoopSet, log: Logs) {
        path = "\(stateDirectory)/learnt.jsonl"
        self.loops = loops
        self.log = log
        guard case .success(let text) = FileAccess.read(path) else { return }
        state.withLock { $0.watch.restore(text) }
        publish()
    }

    // MARK: The detection queue's side

    /// Takes the events of every ring, in the order of their time: what somebody does after an answer must come behind it.
    func take(_ rings: [[LoginEvent]]) {
        if rings.isEmpty { return }
        let now = Clock.unixSeconds
        var order = rings.indices.flatMap { ring in rings[ring].indices.map { (ring: ring, event: $0) } }
        if rings.count > 1 {
            order.sort {
                rings[$0.ring][$0.event].unixNanoseconds < rings[$1.ring][$1.event].unixNanoseconds
            }
        }
        let found = state.withLock { state in
            var found: [RouteWatch] = []
            for place in order {
                if let route = state.watch.take(rings[place.ring][place.event], unixSeconds: now) {
                    found.append(route)
                }
            }
            return found
        }
        for route in found {
            log.warning(
                "a route looks like a login and no configuration names it",
                ["service": route.service, "route": route.route, "configure": RouteAdvice.yaml(for: route)])
        }
    }

    /// Called at every drain; does its work once a second.
    func tick() {
        let now = Clock.unixSeconds
        let due = state.withLock { state -> (news: Bool, save: Bool)? in
            if state.lastSecond == now { return nil }
            state.lastSecond = now
            let saves = now - state.lastSaved >= Self.saveSeconds
            if saves { state.lastSaved = now }
            return (state.watch.hasNews, saves)
        }
        guard let due else { return }
        if due.news { publish() }
        // The disk may take its time, the rings may not wait for it.
        if due.save { disk.async { [self] in save() } }
        checkDrift()
    }

    private func publish() {
        let learnt = state.withLock { $0.watch.learnt() }
        for handle in loops.handles { handle.post { loop in (loop.context as? Worker)?.adopt(learnt) } }
    }

    /// Says once when outcomes begin to be missing, and once when they are back.
    private func checkDrift() {
        let changes = state.withLock { state -> [(RouteWatch, DriftAlarm.Alarm?)] in
            var changes: [(RouteWatch, DriftAlarm.Alarm?)] = []
            for route in state.watch.routes {
                let key = "\(route.service)\n\(route.route)"
                let alarm = route.drift.alarm
                if (alarm != nil) == state.alarms.contains(key) { continue }
                if alarm != nil { state.alarms.insert(key) } else { state.alarms.remove(key) }
                changes.append((route, alarm))
            }
            return changes
        }
        for (route, alarm) in changes {
            let names = ["service": route.service, "route": route.route]
            if alarm == nil {
                log.info("outcomes are seen again", names)
            } else if let finding = CoverageJudge.findings(of: route).first(where: { $0.code == .outcomeMissing }) {
                log.warning("\(finding.what)", names.merging(["evidence": finding.evidence]) { $1 })
            }
        }
    }

    /// Keeps what was learnt until now, and waits for that.
    func stop() { disk.sync { save() } }

    /// Writes what was learnt, whole or not at all.
    private func save() {
        let text = state.withLock { $0.watch.saved }
        if text.isEmpty { return }
        let draft = path + ".new"
        guard FileAccess.write(text, to: draft) else {
            log.error("cannot keep what was learnt", ["path": draft])
            return
        }
        if unsafe rename(draft, path) != 0 { log.error("cannot keep what was learnt", ["path": path]) }
    }

    // MARK: The admin side's

    var routes: [RouteWatch] { state.withLock { $0.watch.routes } }

    func keep(_ policy: Policy) {
        let services = Set(policy.services.map { String(decoding: $0.name, as: UTF8.self) })
        let declared = Set(Self.declared(policy).map { "\($0.service)\n\($0.route)" })
        state.withLock { $0.watch.keep(services: services, declared: declared) }
    }

    private static func declared(_ policy: Policy) -> [(service: String, route: String, isLogin: Bool, slot: Int)] {
        policy.services.flatMap { service in
            service.logins.map { route in
                (
                    String(decoding: service.name, as: UTF8.self), String(decoding: route.name, as: UTF8.self),
                    route.kind == .login && route.isMain, service.slot
                )
            }
        }
    }

    /// Everything that is wrong, by the events of the last 30 to 60 minutes.
    func findings(_ policy: Policy, _ counters: Counters) -> [CoverageFinding] {
        let (routes, overflow) = state.withLock { ($0.watch.routes, $0.watch.overflow) }
        var findings = routes.flatMap { CoverageJudge.findings(of: $0) }
        let declared = Self.declared(policy)
        for route in declared where route.isLogin {
            let isSeen = routes.contains {
                $0.service == route.service && $0.route == route.route && $0.counts.events > 0
            }
            let width = Counters.outcomes.count
            let requests = counters.requests.dropFirst(route.slot * width).prefix(width).reduce(0, +)
            if isSeen || requests < Self.strangeRequests { continue }
            findings.append(
                CoverageFinding(
                    code: .noEvents, service: route.service, route: route.route, what: "a login route without events",
                    evidence: "\(requests) requests to the service, none of them for \"\(route.route)\"",
                    change: "compare match (method, path, conditions) with a real login of this service"))
        }
        if overflow > 0 {
            findings.append(
                CoverageFinding(
                    code: .discoveryFull, service: "", route: "", what: "more paths take passwords than are watched",
                    evidence: "\(overflow) events beyond \(LoginWatch.provisionalLimit) routes of a service",
                    change: "declare the real ones, then set discover_logins: false"))
        }
        return findings
    }
}
