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

    package init(
        identity: String, servers: [ServerEndpoint], tls: TLSContext?, connectTimeout: Duration,
        responseTimeout: Duration,
        idleTimeout: Duration, keepAlive: Int, maximumFailures: Int, failTimeout: Duration, retries: Int,
        preservesHost: Bool
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
    }
}

/// One loop's connections to one service's servers: which is idle, how many are out, which server failed. A machine that
/// decides; `Upstream` and `Downstream` act. Confined to its worker.
final class UpstreamPool {
    struct Server {
        let endpoint: ServerEndpoint
        var idle: [Upstream] = []
        var outstanding = 0
        var health = UpstreamHealth()
    }

    let policy: UpstreamPolicy
    private(set) var servers: [Server]
    /// Where the next search begins, so that equals take turns.
    private var turn = 0
    /// The policy that it served is gone: connections are not kept any more.
    private(set) var isRetired = false

    init(policy: UpstreamPolicy) {
        self.policy = policy
        servers = policy.servers.map { Server(endpoint: $0) }
    }

    /// The server with the least outstanding requests among the healthy ones that are not in `tried` (one bit a server); when all
    /// are down, the one that will be tried again soonest. nil: every server was tried.
    func choose(tried: UInt64, now: MonotonicTime) -> Int? {
        var best: Int?
        var resort: Int?
        var step = 0
        while step < servers.count {
            let index = (turn + step) % servers.count
            step += 1
            if tried & (1 << UInt64(index & 63)) != 0 { continue }
            if !servers[index].endpoint.isPassing || !servers[index].health.isUsable(at: now) {
                if let other = resort, servers[other].health.retryAt <= servers[index].health.retryAt { continue }
                resort = index
                continue
            }
            if let other = best, servers[other].outstanding <= servers[index].outstanding { continue }
            best = index
        }
        turn = (turn + 1) % max(servers.count, 1)
        return best ?? resort
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
