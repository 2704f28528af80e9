// SPDX-License-Identifier: Apache-2.0
package import Transport
import Wire

/// Where one service's requests go, as configured and compiled. Immutable, part of the policy.
package final class UpstreamPolicy: Sendable {
    /// Equal for two policies whose upstream is the same: idle connections then survive a reload.
    package let identity: String
    package let servers: [ServerEndpoint]
    package let tls: TLSContext?
    package let connectTimeout: Duration
    package let responseTimeout: Duration
    package let idleTimeout: Duration
    /// Idle connections kept by one loop for each server.
    package let keepAlive: Int
    /// Faults in a row within `failTimeout` after which a server is left alone for that time; 0: never.
    package let maximumFailures: Int
    package let failTimeout: Duration
    /// Times a request is sent again after a fault.
    package let retries: Int
    package let preservesHost: Bool
    package let balancing: Balancing
    /// One for each server: its share of the requests, above 0.
    package let weights: [Double]
    /// A server that comes back gets its share step by step over so long; nil: at once.
    package let slowStart: Duration?

    package init(
        identity: String, servers: [ServerEndpoint], tls: TLSContext?, connectTimeout: Duration,
        responseTimeout: Duration,
        idleTimeout: Duration, keepAlive: Int, maximumFailures: Int, failTimeout: Duration, retries: Int,
        preservesHost: Bool, balancing: Balancing = .leastOutstanding, weights: [Double] = [],
        slowStart: Duration? = nil
    ) {
        self.identity = identity
        self.servers = servers
        self.tls = tls
        self.connectTimeout = connectTimeout
        self.responseTimeout = responseTimeout
        self.idleTimeout = idleTimeout
        self.keepAlive = keepAlive
        self.maximumFailures = maximumFailures
        self.failTimeout = failTimeout
        self.retries = retries
        self.preservesHost = preservesHost
        self.balancing = balancing
        self.weights = weights.count == servers.count ? weights : servers.map { _ in 1 }
        self.slowStart = slowStart
    }
}

/// One loop's connections to one service's servers: which is idle, how many are out, which server failed. A machine that
/// decides; `Upstream` and `Downstream` act. Confined to its worker.
final class UpstreamPool {
    struct Server {
        let endpoint: ServerEndpoint
        let weight: Double
        /// Of its name, so that its place among the others does not matter.
        let hash: UInt64
        /// What turns among equals owe it.
        var credit = 0.0
        var idle: [Upstream] = []
        var outstanding = 0
        var health = UpstreamHealth()
    }

    let policy: UpstreamPolicy
    private(set) var servers: [Server]
    /// Where the search for a last resort begins, so that equals take turns.
    private var turn = 0
    /// The policy that it served is gone: connections are not kept any more.
    private(set) var isRetired = false

    init(policy: UpstreamPolicy) {
        self.policy = policy
        servers = zip(policy.servers, policy.weights).map { endpoint, weight in
            let name = endpoint.name
            return Server(endpoint: endpoint, weight: weight, hash: Affinity.hash(name.span))
        }
    }

    /// One of the healthy servers that are not in `tried` (one bit a server): the one that `key` belongs to, or the one with the least
    /// outstanding requests for its weight. When all are down, the one that will be tried again soonest. nil: every server was tried.
    func choose(tried: UInt64, key: UInt64? = nil, now: MonotonicTime) -> Int? {
        let chosen =
            if let key { preferred(by: key, tried: tried, now: now) } else { leastBusy(tried: tried, now: now) }
        if let chosen { return chosen }
        turn = (turn + 1) % max(servers.count, 1)
        return lastResort(tried: tried)
    }

    /// Whether `choose` would find a server, without taking a turn.
    func hasMore(tried: UInt64) -> Bool { lastResort(tried: tried) != nil }

    private func isEligible(_ index: Int, tried: UInt64, now: MonotonicTime) -> Bool {
        tried & (1 << UInt64(index & 63)) == 0 && servers[index].endpoint.isPassing
            && servers[index].health.isUsable(at: now)
    }

    private func preferred(by key: UInt64, tried: UInt64, now: MonotonicTime) -> Int? {
        var best: Int?
        var bestScore = 0.0
        for index in servers.indices where isEligible(index, tried: tried, now: now) {
            let score = Affinity.score(key, server: servers[index].hash, weight: servers[index].weight)
            if best != nil && score <= bestScore { continue }
            best = index
            bestScore = score
        }
        return best
    }

    /// Among those with equally little to do turns are taken by weight, spread evenly: each earns its weight, and whose turn it is pays for all.
    private func leastBusy(tried: UInt64, now: MonotonicTime) -> Int? {
        var least = Double.infinity
        for index in servers.indices where isEligible(index, tried: tried, now: now) {
            least = min(least, load(index, now))
        }
        var best: Int?
        var total = 0.0
        for index in servers.indices where isEligible(index, tried: tried, now: now) && load(index, now) <= least {
            let weight = currentWeight(index, now)
            servers[index].credit += weight
            total += weight
            if let other = best, servers[other].credit >= servers[index].credit { continue }
            best = index
        }
        if let best { servers[best].credit -= total }
        return best
    }

    private func load(_ index: Int, _ now: MonotonicTime) -> Double {
        Double(servers[index].outstanding) / currentWeight(index, now)
    }

    /// The weight, or while the server is warming up a part of it, at least a tenth.
    private func currentWeight(_ index: Int, _ now: MonotonicTime) -> Double {
        let weight = servers[index].weight
        guard let slowStart = policy.slowStart else { return weight }
        let since = max(servers[index].health.returnedAt, servers[index].endpoint.passingSince)
        if since + slowStart <= now { return weight }
        let warm =
            now <= since
            ? 0
            : Double(now.nanoseconds - since.nanoseconds) / Double((since + slowStart).nanoseconds - since.nanoseconds)
        return weight * max(warm, 0.1)
    }

    private func lastResort(tried: UInt64) -> Int? {
        var best: Int?
        for step in servers.indices {
            let index = (turn + step) % servers.count
            if tried & (1 << UInt64(index & 63)) != 0 { continue }
            if let other = best, servers[other].health.retryAt <= servers[index].health.retryAt { continue }
            best = index
        }
        return best
    }

    /// An idle connection to `server`, the one used last, or nil.
    func takeIdle(_ server: Int) -> Upstream? { servers[server].idle.popLast() }

    func began(_ server: Int) { servers[server].outstanding += 1 }

    /// A connection's request is over.
    func ended(_ server: Int) { servers[server].outstanding -= 1 }

    func succeeded(_ server: Int) { servers[server].health.succeeded() }

    /// Remembers a fault of the server. Returns true when it was put aside by this one.
    func failed(_ server: Int, now: MonotonicTime) -> Bool {
        servers[server].health.failed(
            at: now, maximum: policy.maximumFailures, window: policy.failTimeout)
    }

    /// Takes the connection back; false: there are enough, close it.
    func keep(_ upstream: Upstream, _ server: Int) -> Bool {
        if isRetired || servers[server].idle.count >= policy.keepAlive { return false }
        servers[server].idle.append(upstream)
        return true
    }

    /// An idle connection ended.
    func forget(_ upstream: Upstream, _ server: Int) {
        servers[server].idle.removeAll { $0 === upstream }
    }

    /// No connection is kept from now on; returns those that are idle, to be closed.
    func retire() -> [Upstream] {
        isRetired = true
        var idle: [Upstream] = []
        for index in servers.indices {
            idle += servers[index].idle
            servers[index].idle.removeAll()
        }
        return idle
    }
}
