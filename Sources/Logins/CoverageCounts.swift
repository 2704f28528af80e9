// SPDX-License-Identifier: Apache-2.0
import Wire

/// What the events of one route had and lacked during one stretch of time. A value.
public struct CoverageCounts: Sendable {
    public var events: UInt64 = 0
    /// Attempts that reached the application.
    public var attempts: UInt64 = 0
    public var successes: UInt64 = 0
    public var failures: UInt64 = 0
    public var unknowns: UInt64 = 0
    public var blocked: UInt64 = 0
    public var withLogin: UInt64 = 0
    public var failuresWithExists: UInt64 = 0
    public var successesWithID: UInt64 = 0
    public var privateClients: UInt64 = 0
    public var withoutUserAgent: UInt64 = 0
    public var withoutAcceptEncoding: UInt64 = 0
    public var withoutAcceptLanguage: UInt64 = 0
    public var libraryAgents: UInt64 = 0
    /// A forwarding header from a peer that is not trusted.
    public var untrustedForwarding: UInt64 = 0
    /// A trusted peer that named no client.
    public var silentProxies: UInt64 = 0
    public var clients = HeavyAddresses()
    /// Peers whose forwarding headers were not believed.
    public var forwarders = HeavyAddresses()
    public var peers = HeavyAddresses()

    public init() {}

    public mutating func take(_ event: borrowing LoginEvent) {
        events += 1
        if event.isBlocked {
            blocked += 1
        } else if event.isAttempt {
            attempts += 1
            switch event.outcome {
            case .success: successes += 1
            case .failure: failures += 1
            case .unknown: unknowns += 1
            }
            if event.outcome == .failure && event.exists != nil { failuresWithExists += 1 }
            if event.outcome == .success && !event.texts.userID.isEmpty { successesWithID += 1 }
        }
        if event.hasLogin { withLogin += 1 }
        if event.client.isUnspecified || event.peer.isUnspecified { return }
        clients.take(event.client)
        peers.take(event.peer)
        if event.client.isPrivate { privateClients += 1 }
        if !event.facts.contains(.hasUserAgent) { withoutUserAgent += 1 }
        if !event.facts.contains(.hasAcceptEncoding) { withoutAcceptEncoding += 1 }
        if !event.facts.contains(.hasAcceptLanguage) { withoutAcceptLanguage += 1 }
        let isTrusted = event.facts.contains(.peerIsTrusted)
        if event.facts.contains(.hasForwarding) && !isTrusted {
            untrustedForwarding += 1
            forwarders.take(event.peer)
        }
        if isTrusted && event.client == event.peer { silentProxies += 1 }
        let bytes = event.bytes
        if ClientLibrary.names(bytes.span.slice(event.texts.userAgent)) { libraryAgents += 1 }
    }

    public mutating func add(_ other: CoverageCounts) {
        events += other.events
        attempts += other.attempts
        successes += other.successes
        failures += other.failures
        unknowns += other.unknowns
        blocked += other.blocked
        withLogin += other.withLogin
        failuresWithExists += other.failuresWithExists
        successesWithID += other.successesWithID
        privateClients += other.privateClients
        withoutUserAgent += other.withoutUserAgent
        withoutAcceptEncoding += other.withoutAcceptEncoding
        withoutAcceptLanguage += other.withoutAcceptLanguage
        libraryAgents += other.libraryAgents
        untrustedForwarding += other.untrustedForwarding
        silentProxies += other.silentProxies
        clients.add(other.clients)
        forwarders.add(other.forwarders)
        peers.add(other.peers)
    }
}

/// Names that HTTP libraries give themselves where a browser's was expected. Stateless.
enum ClientLibrary {
    private static let prefixes: [[UInt8]] = [
        "python-requests", "python-urllib", "python-httpx", "aiohttp", "go-http-client", "java/", "apache-httpclient",
        "okhttp", "axios", "node", "undici", "curl/", "wget/", "libwww-perl", "ruby", "faraday", "guzzlehttp", "php",
        "dart/", "reqwest", "hyper/", "rust", "restsharp", "dotnet", "postmanruntime", "insomnia", "jakarta", "ktor",
        "spring", "feign", "got ", "superagent",
    ].map { Array($0.utf8) }

    static func names(_ agent: Span<UInt8>) -> Bool {
        for prefix in prefixes where ByteSearch.hasPrefixIgnoringCase(agent, prefix.span) { return true }
        return false
    }
}
