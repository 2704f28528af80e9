// SPDX-License-Identifier: Apache-2.0
import Config
import Glibc
import Logins
import Proxy
import Rules
import Transport
import Wire

/// A configuration that was read and compiled whole.
struct LoadedPolicy: Sendable {
    let configuration: Configuration
    let policy: Policy
}

/// Turns a configuration file into a `Policy`, off the loops, or into every problem found on the way. `check`, start and reload use it alike.
enum PolicyCompiler {
    static func load(
        path: String, generation: Int, slots: SlotRegistry, endpoints: EndpointRegistry, replacing old: Policy? = nil
    ) -> (result: LoadedPolicy?, problems: [Problem]) {
        let read = ConfigurationReader.read(path: path, FileAccess.environment)
        guard let configuration = read.draft else { return (nil, read.problems) }
        var problems = read.problems
        // A service that could not be read is no reason to call its name unknown.
        let rules = problems.isEmpty ? configuration.rules : configuration.rules.map(everywhere)
        let compiled = RuleCompiler.compile(
            rules, services: configuration.services.map(\.name),
            routes: configuration.services.map { $0.logins.map { String(decoding: $0.name, as: UTF8.self) } })
        problems += compiled.problems
        let denylist = list(configuration.denylist, replacing: old?.denylist, &problems)
        let allowlist = list(configuration.allowlist, replacing: old?.allowlist, &problems)
        let services = configuration.services.enumerated().compactMap {
            service($0.element, index: $0.offset, configuration, slots, endpoints, old, &problems)
        }
        let listeners = configuration.listeners.compactMap { listener($0, old, &problems) }
        checkAdmin(configuration, &problems)
        guard problems.isEmpty, let ruleset = compiled.ruleset, let denylist, let allowlist else {
            return (nil, problems)
        }
        let inForce = (0..<ruleset.count).map { ruleset.rule(at: $0) }
        let policy = Policy(
            generation: generation, monitorsOnly: configuration.monitorsOnly,
            trust: ClientAddressPolicy(
                trusted: IPPrefixSet(configuration.clientAddress.trustedProxies),
                headers: configuration.clientAddress.headers,
                prefixLength: configuration.clientAddress.ipv6Prefix),
            services: services, router: Router(hosts: configuration.services.map(\.hosts)), ruleset: ruleset,
            ruleSlots: slots.rules(inForce.map { String(decoding: $0.id, as: UTF8.self) }), denylist: denylist,
            allowlist: allowlist,
            limits: limits(configuration.limits), requestID: requestID(configuration.requestID),
            pages: BlockPages(html: configuration.blockPageHTML, json: configuration.blockPageJSON),
            writesAccessLog: configuration.accessLog != nil, flagHeaders: flagHeaders(inForce), listeners: listeners,
            detects: configuration.detection.isEnabled, deviceCookie: configuration.detection.deviceCookie,
            rates: rates(ruleset, old), requestLimit: requestLimit(configuration.limits, old),
            sessionSeconds: configuration.sessions.isEnabled ? configuration.sessions.seconds : nil,
            detectionMimics: configuration.detection.isEnabled && configuration.detection.mimics)
        // Lists of millions of lines are not kept beside what was made of them.
        var kept = configuration
        kept.denylist.forgetContents()
        kept.allowlist.forgetContents()
        return (LoadedPolicy(configuration: kept, policy: policy), [])
    }

    /// The counters of the rules. One that is asked the same as before goes on counting.
    private static func rates(_ ruleset: Ruleset, _ old: Policy?) -> [RateTable] {
        var tables: [RateTable] = []
        for rule in 0..<ruleset.count {
            for (number, counter) in ruleset.counters(of: rule).enumerated() {
                let identity = "\(String(decoding: ruleset.rule(at: rule).id, as: UTF8.self))#\(number)"
                tables.append(table(identity, ruleset.rates[counter], old?.rates ?? []))
            }
        }
        return tables
    }

    private static func requestLimit(_ settings: LimitSettings, _ old: Policy?) -> RateTable? {
        guard let rate = settings.requestsPerAddress else { return nil }
        return table(
            "limits.requests_per_address", RateCondition(key: [.client], count: rate.count, window: rate.window),
            old?.requestLimit.map { [$0] } ?? [])
    }

    private static func table(_ identity: String, _ condition: RateCondition, _ old: [RateTable]) -> RateTable {
        old.first { $0.identity == identity && $0.condition == condition } ?? RateTable(identity: identity, condition)
    }

    private static func everywhere(_ rule: Rule) -> Rule {
        var rule = rule
        rule.services = []
        rule.routes = []
        return rule
    }

    private static func list(_ settings: ListSettings, replacing old: Denylist?, _ problems: inout [Problem])
        -> Denylist?
    {
        let read = DenylistReader.read(settings.files.map { (path: $0.path, contents: $0.contents) })
        problems += read.problems
        for kind in [ListKind.asn, .country] where read.list?.has(kind) == true {
            problems.append(
                Problem(
                    settings.place, "entries with \(kind.word)= need a database of networks, and none is configured"))
        }
        if settings.refusesShrinking, let old, let new = read.list, hasShrunk(from: old, to: new) {
            problems.append(
                Problem(
                    settings.place, "the list has only \(new.count) of \(old.count) entries left",
                    hint: "on_shrink: warn takes it"))
        }
        return read.list
    }

    /// A list that lost more than half of its entries is more often half a file than half the attackers.
    static func hasShrunk(from old: Denylist, to new: Denylist) -> Bool { new.count * 2 < old.count }

    private static func flagHeaders(_ rules: [CompiledRule]) -> [[UInt8]] {
        var names: Set<[UInt8]> = [
            Array("x-loginward-flag".utf8), Array(AttemptCheck.challengeHeader.utf8),
        ]
        for rule in rules {
            if case .flag(let header, _) = rule.action {
                names.insert(header.map { $0 >= 65 && $0 <= 90 ? $0 | 32 : $0 })
            }
        }
        return names.sorted { $0.lexicographicallyPrecedes($1) }
    }

    private static func limits(_ settings: LimitSettings) -> ExchangeLimits {
        var limits = ExchangeLimits()
        limits.head.headBytes = settings.head
        limits.head.fields = settings.fields
        limits.head.targetBytes = min(settings.head, 16 * 1024)
        limits.bodyBytes = settings.body.map { UInt64($0) }
        limits.inspectedBytes = settings.bodyInspected
        limits.refusesOverBody = settings.refusesOverBody
        limits.headerTimeout = settings.headerTimeout
        limits.bodyTimeout = settings.bodyTimeout
        limits.idleTimeout = settings.idleTimeout
        limits.writeTimeout = settings.writeTimeout
        limits.bodyRate = settings.minimumBodyRate
        limits.readRate = settings.minimumReadRate
        limits.rateGrace = settings.rateGrace
        limits.connections = settings.connections
        limits.connectionsPerAddress = settings.connectionsPerAddress
        limits.requestsPerConnection = settings.requestsPerConnection
        limits.delayed = settings.delayed
        limits.http2Streams = settings.http2Streams
        return limits
    }

    private static func requestID(_ settings: RequestIDSettings) -> RequestIDPolicy {
        RequestIDPolicy(
            header: settings.header,
            trust: settings.trust == .everybody ? .everybody : settings.trust == .nobody ? .nobody : .trustedProxies)
    }

    // MARK: Listeners

    private static func listener(_ settings: ListenerSettings, _ old: Policy?, _ problems: inout [Problem])
        -> ListenerPolicy?
    {
        var context: TLSContext?
        if let tls = settings.tls, !tls.certificates.isEmpty {
            do throws(TLSProblem) {
                context = try TLSContext.server(
                    certificates: tls.certificates.map {
                        TLSContext.KeyPair(certificatePath: $0.certificate, keyPath: $0.key)
                    },
                    minimumVersion: tls.minimumVersion == "1.3" ? .v1_3 : .v1_2, clientCA: tls.clientCA,
                    clientVerification: verification(tls.clientCertificates),
                    alpn: settings.http2 ? ["h2", "http/1.1"] : ["http/1.1"],
                    replacing: old?.listeners.first { $0.identity == settings.address }?.tls)
            } catch {
                problems.append(Problem(tls.place, error.description))
                return nil
            }
        }
        return ListenerPolicy(
            identity: settings.address, requiresProxyProtocol: settings.requiresProxyProtocol, tls: context,
            http2: settings.http2)
    }

    private static func verification(_ mode: TLSSettings.ClientCertificates) -> TLSContext.ClientVerification {
        switch mode {
        case .none: .none
        case .optional: .optional
        case .required: .required
        }
    }

    private static func checkAdmin(_ configuration: Configuration, _ problems: inout [Problem]) {
        guard let admin = configuration.admin else { return }
        guard let address = SocketAddress(admin.address) else {
            problems.append(
                Problem(admin.place, "\"\(admin.address)\" is not an address", hint: "unix:PATH or a loopback address"))
            return
        }
        if let ip = address.address, !ip.isLoopback {
            problems.append(
                Problem(
                    admin.place, "the admin listener has no authentication: it must be unix:PATH or a loopback address",
                    hint: "unix:/run/loginward/admin.sock"))
        }
    }

    // MARK: Services

    private static func service(
        _ settings: ServiceSettings, index: Int, _ configuration: Configuration, _ slots: SlotRegistry,
        _ endpoints: EndpointRegistry, _ old: Policy?, _ problems: inout [Problem]
    ) -> ServicePolicy? {
        let upstream = settings.upstream
        var context: TLSContext?
        if upstream.servers.contains(where: \.usesTLS) {
            do throws(TLSProblem) {
                context = try TLSContext.client(caFile: upstream.caFile, verify: upstream.verifies)
            } catch {
                problems.append(Problem(upstream.place, error.description))
                return nil
            }
        }
        let servers = upstream.servers.map { server in endpoint(server, upstream, endpoints, &problems) }
        let policy = UpstreamPolicy(
            identity: identity(settings), servers: servers, tls: context, connectTimeout: upstream.connectTimeout,
            responseTimeout: upstream.responseTimeout, idleTimeout: upstream.idleTimeout, keepAlive: upstream.keepAlive,
            maximumFailures: upstream.maximumFailures, failTimeout: upstream.failTimeout, retries: upstream.retries,
            preservesHost: upstream.preservesHost, balancing: balancing(upstream.balance),
            weights: upstream.servers.map { Double($0.weight) }, slowStart: upstream.slowStart)
        return ServicePolicy(
            name: settings.name, index: index, slot: slots.service(settings.name), upstream: policy,
            logins: settings.logins, discoversLogins: settings.discoversLogins)
    }

    /// Everything by which idle connections of an old policy may serve a new one. A TLS upstream gets new connections at each reload, as its
    /// files may have changed.
    private static func identity(_ settings: ServiceSettings) -> String {
        let upstream = settings.upstream
        let common =
            "\(settings.name)|\(upstream.servers.map(\.text))|\(upstream.connectTimeout)|\(upstream.responseTimeout)"
        let rest =
            "\(upstream.idleTimeout)|\(upstream.keepAlive)|\(upstream.maximumFailures)|\(upstream.failTimeout)|\(upstream.retries)"
        let shares = "\(upstream.balance)|\(upstream.servers.map(\.weight))|\(upstream.slowStart.map { "\($0)" } ?? "")"
        let tls = upstream.servers.contains(where: \.usesTLS) ? "|\(UInt64.random(in: 0 ... .max))" : ""
        return "\(common)|\(rest)|\(shares)|\(upstream.preservesHost)\(tls)"
    }

    private static func balancing(_ settings: UpstreamSettings.Balance) -> Balancing {
        switch settings {
        case .leastOutstanding: .leastOutstanding
        case .clientAddress: .clientAddress
        case .cookie(let name): .cookie(Array(name.utf8))
        }
    }

    private static func endpoint(
        _ server: UpstreamSettings.Server, _ upstream: UpstreamSettings, _ endpoints: EndpointRegistry,
        _ problems: inout [Problem]
    ) -> ServerEndpoint {
        let serverName = upstream.serverName ?? server.host
        return endpoints.endpoint("\(server.text)|\(serverName)") {
            var addresses: [SocketAddress] = []
            var resolves: (host: String, port: UInt16)?
            if server.isUnix {
                addresses = [.unix(server.host)]
            } else if let address = IPAddress(server.host) {
                addresses = [.ip(address, server.port)]
            } else {
                resolves = (server.host, server.port)
            }
            return ServerEndpoint(
                name: server.text, authority: server.authority, serverName: serverName, resolves: resolves,
                addresses: addresses)
        }
    }
}
