// SPDX-License-Identifier: Apache-2.0
package import Logins
package import Rules
package import Transport
package import Wire

/// Everything that was decided from the configuration, compiled and immutable. Made off the loops, replaced whole by a
/// reload; an exchange finishes under the policy it began with.
package final class Policy: Sendable {
    /// Counts up with each successful load, from 1.
    package let generation: Int
    /// `mode: monitor`: judge and log, never act.
    package let monitorsOnly: Bool
    package let trust: ClientAddressPolicy
    package let services: [ServicePolicy]
    package let router: Router
    package let ruleset: Ruleset
    /// Counter slot of each rule of the ruleset, the same across reloads.
    package let ruleSlots: [Int]
    /// The counters of the ruleset's `rates`.
    package let rates: [RateTable]
    /// `limits.requests_per_address`; nil: none.
    package let requestLimit: RateTable?
    package let denylist: Denylist
    package let allowlist: Denylist
    package let limits: ExchangeLimits
    package let requestID: RequestIDPolicy
    package let pages: BlockPages
    package let writesAccessLog: Bool
    /// Attacks are looked for, and the cookie by which a device is known again.
    package let detects: Bool
    package let deviceCookie: [UInt8]
    /// The gate sets it itself.
    package let issuesDeviceCookie: Bool
    /// Somebody is answered as the service answers a failed login, and so are those whom the detection refuses.
    package let mimics: Bool
    package let detectionMimics: Bool
    /// Tokens that logins give out are remembered, for so many seconds.
    package let remembersSessions: Bool
    package let sessionSeconds: Int64
    /// Fields other than Cookie and Authorization in which some route says that tokens come, lower case.
    let sessionHeaders: [[UInt8]]
    /// Names of the headers that `flag` actions write, lower case: what a client sends under them is removed.
    package let flagHeaders: [[UInt8]]
    /// Listeners by their identity (`ListenerPolicy.identity`).
    package let listeners: [ListenerPolicy]

    package init(
        generation: Int, monitorsOnly: Bool, trust: ClientAddressPolicy, services: [ServicePolicy], router: Router,
        ruleset: Ruleset, ruleSlots: [Int], denylist: Denylist, allowlist: Denylist, limits: ExchangeLimits,
        requestID: RequestIDPolicy,
        pages: BlockPages, writesAccessLog: Bool, flagHeaders: [[UInt8]], listeners: [ListenerPolicy],
        detects: Bool = false, deviceCookie: String = "", rates: [RateTable] = [], requestLimit: RateTable? = nil,
        sessionSeconds: Int64? = nil, detectionMimics: Bool = false
    ) {
        self.generation = generation
        self.monitorsOnly = monitorsOnly
        self.trust = trust
        self.services = services
        self.router = router
        self.ruleset = ruleset
        self.ruleSlots = ruleSlots
        self.denylist = denylist
        self.allowlist = allowlist
        self.limits = limits
        self.requestID = requestID
        self.pages = pages
        self.writesAccessLog = writesAccessLog
        self.detects = detects
        self.deviceCookie = Array(deviceCookie.utf8)
        issuesDeviceCookie = deviceCookie == DeviceTokens.cookieName
        self.flagHeaders = flagHeaders
        self.rates = rates
        self.detectionMimics = detectionMimics
        mimics =
            detectionMimics
            || (0..<ruleset.count).contains { if case .mimic = ruleset.rule(at: $0).action { true } else { false } }
        remembersSessions = sessionSeconds != nil
        self.sessionSeconds = sessionSeconds ?? 0
        sessionHeaders = Array(
            Set(
                services.flatMap { $0.logins.flatMap(\.sessions) }.compactMap {
                    if case .header(let name) = $0 { name } else { nil }
                }))
        self.requestLimit = requestLimit
        self.listeners = listeners
    }
}

/// What one listener asks of the connections it accepts.
package final class ListenerPolicy: Sendable {
    /// The address as configured: a listener that keeps it across a reload keeps its socket.
    package let identity: String
    package let requiresProxyProtocol: Bool
    package let tls: TLSContext?
    /// HTTP/2 is spoken with clients that want it.
    package let http2: Bool

    package init(identity: String, requiresProxyProtocol: Bool, tls: TLSContext?, http2: Bool = true) {
        self.http2 = http2
        self.identity = identity
        self.requiresProxyProtocol = requiresProxyProtocol
        self.tls = tls
    }
}

/// One guarded service: where its requests go and which of them are logins.
package final class ServicePolicy: Sendable {
    package let name: [UInt8]
    /// Position in `Policy.services`; the number that rules are scoped by.
    package let index: Int
    /// The number that counters are kept under, from 1; the same across reloads.
    package let slot: Int
    package let upstream: UpstreamPolicy
    package let logins: [LoginRoute]
    /// Logins that are not declared are looked for.
    package let discoversLogins: Bool

    package init(
        name: String, index: Int, slot: Int, upstream: UpstreamPolicy, logins: [LoginRoute],
        discoversLogins: Bool = true
    ) {
        self.name = Array(name.utf8)
        self.index = index
        self.slot = slot
        self.upstream = upstream
        self.logins = logins
        self.discoversLogins = discoversLogins
    }
}

/// Sizes and times of one exchange, from `limits:`; times are nanoseconds.
package struct ExchangeLimits: Sendable {
    package var head = HeadLimits()
    /// Longest request body that is accepted; nil: any.
    package var bodyBytes: UInt64?
    /// Longest body, decoded, that rules and login routes look into.
    package var inspectedBytes = 1 << 20
    /// A body that is longer, or that cannot be read, is refused; false: it passes and is counted.
    package var refusesOverBody = true
    package var headerTimeout = Duration.seconds(10)
    package var bodyTimeout = Duration.seconds(30)
    package var idleTimeout = Duration.seconds(75)
    package var writeTimeout = Duration.seconds(30)
    /// Bytes a second that a client must send of its body, and read of what waits for it, after `rateGrace`; 0: any.
    package var bodyRate = 240
    package var readRate = 240
    package var rateGrace = Duration.seconds(10)
    /// Client connections of all loops together, and of one address (nil: any).
    package var connections = 100_000
    package var connectionsPerAddress: Int?
    package var requestsPerConnection = 100_000
    /// Requests of all loops that may wait at once because a rule says so.
    package var delayed = 1_000
    /// Requests that one HTTP/2 connection may have open at once.
    package var http2Streams = 100

    package init() {}
}

/// Which header carries the request id, and from whom one is kept.
package struct RequestIDPolicy: Sendable {
    /// Lower case.
    package var header: [UInt8]
    package var trust: Trust

    package enum Trust: Sendable {
        case trustedProxies, nobody, everybody
    }

    package init(header: String, trust: Trust) {
        self.header = Array(header.utf8)
        self.trust = trust
    }

    /// Whether the id that a peer sends is kept.
    func believes(trustedPeer: Bool) -> Bool {
        switch trust {
        case .trustedProxies: trustedPeer
        case .nobody: false
        case .everybody: true
        }
    }
}
