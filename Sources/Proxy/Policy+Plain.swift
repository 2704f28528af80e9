// SPDX-License-Identifier: Apache-2.0
import Rules
package import Transport
import Wire

extension Policy {
    /// One service with one server and the default limits: no rules, lists, routes or logs. It stands here, and not with the tests and
    /// the fuzzers that drive a `Worker` with it, so that whoever gives a policy a new part meets it in every build.
    package static func plain(server: SocketAddress) -> Policy? {
        let endpoint = ServerEndpoint(
            name: "plain", authority: "plain", serverName: "plain", resolves: nil, addresses: [server])
        let upstream = UpstreamPolicy(
            identity: "plain", servers: [endpoint], tls: nil, connectTimeout: .seconds(5),
            responseTimeout: .seconds(60), idleTimeout: .seconds(50), keepAlive: 8, maximumFailures: 0,
            failTimeout: .seconds(10), retries: 1, preservesHost: true)
        let service = ServicePolicy(name: "plain", index: 0, slot: 1, upstream: upstream, logins: [])
        guard let ruleset = RuleCompiler.compile([], services: ["plain"]).ruleset,
            let empty = DenylistReader.read([]).list
        else { return nil }
        return Policy(
            generation: 1, monitorsOnly: false,
            trust: ClientAddressPolicy(trusted: IPPrefixSet([]), headers: ["x-forwarded-for"], prefixLength: 64),
            services: [service], router: Router(hosts: [[]]), ruleset: ruleset, ruleSlots: [], denylist: empty,
            allowlist: empty, limits: ExchangeLimits(),
            requestID: RequestIDPolicy(header: "x-request-id", trust: .nobody),
            pages: BlockPages(html: nil, json: nil), writesAccessLog: false, flagHeaders: [],
            listeners: [ListenerPolicy(identity: "plain", requiresProxyProtocol: false, tls: nil)])
    }
}
