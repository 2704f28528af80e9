// SPDX-License-Identifier: Apache-2.0
package import Logins
import Rules
package import Transport
import Wire

/// What one loop owns: the policy in force, its connections' spare memory, its pools, its counts. Holds; behaviour lives in
/// `Downstream`, `Exchange`, `Inspection` and `UpstreamPool`. Confined to its loop.
package final class Worker: EventTarget {
    /// Most bytes taken from a socket at once.
    static let readBytes = 64 * 1024
    /// A direction stops reading when so many bytes wait to be written in it.
    static let highWaterBytes = 64 * 1024
    /// What is shorter than this leaves at the end of the loop's turn, together with what others send. A peer that sleeps is woken by the
    /// first send of a turn and finds the rest there, instead of being woken (2 µs each) and falling asleep again for every one:
    /// 24.4 → 18.9 µs of CPU for a GET with 32 connections.
    static let promptBytes = 16 * 1024
    /// Body bytes that one connection moves before the others have their turn.
    static let turnBytes = 1 << 20
    /// How long an idle connection that is to go waits for one more request, which is then answered with the end announced. Closing
    /// at once would lose the request that is on its way (RFC 9112 §9.5).
    static let leavingGrace = Duration.seconds(3)
    /// Exchanges kept for reuse.
    private static let spareExchanges = 256

    package let loop: Loop
    package let events: EventRing
    private(set) var policy: Policy
    package internal(set) var counters = Counters()
    /// What the answers of routes without outcome tests mean.
    private(set) var learnt = LearntOutcomes()
    /// What was added to the lists at run time.
    var denied: ListOverlay
    var allowed: ListOverlay
    var accessLog: AccessLog
    let scratch = EvaluationScratch()
    let inflater = Inflater()
    let ledger: AttemptLedger
    let sessions: SessionTokens
    /// What the services' own login failures look like, and the copy of one that is being written.
    let failures: FailureMemory
    var copied: FailureTemplate?
    /// The fields of the login that is being judged.
    var headerList = HeaderList()
    /// The head that is being read; swapped into an exchange when it is complete.
    var parsing = RequestHead()
    /// Scratch for pages and other small texts of our own.
    var page: [UInt8] = []
    var line: [UInt8] = []
    /// Requests that wait because a rule says so, and how many may at this loop.
    var delayed = 0
    var delayLimit: Int { max(1, policy.limits.delayed / loops) }
    /// Rules whose counters are being asked.
    var countedRules: [UInt16] = []
    /// The texts of the event that is being made.
    var eventTexts = ByteBuffer()
    private var identifiers: ULID.Generator
    private var pools: [UpstreamPool] = []
    private var exchanges: [Exchange] = []
    private var spareBuffers = BufferPool()
    private var dateText: [UInt8] = []
    private var dateSecond: Int64 = -1
    /// Client connections by their place in `Downstream.slot`.
    private(set) var downstreams: [Downstream?] = []
    private var freeSlots: [Int] = []
    /// Loops that share the limits, and the most connections of all of them for which there are descriptors.
    private let loops: Int
    private let descriptors: Int
    private var addresses: AddressCounts
    /// Where the next search for a connection that only waits begins.
    private var evictionPlace = 0
    private var listeners: [String: Listener] = [:]
    private var listenerPolicies: [String: ListenerPolicy] = [:]
    private var healthChecks: [HealthCheck] = []
    private var pausedBefore: UInt64 = 0
    private(set) var isDraining = false
    private let reportFault: @Sendable (Fault, [UInt8]) -> Void

    package init(
        loop: Loop, policy: Policy, events: EventRing, accessLog: LogFile, seed: (UInt64, UInt64),
        ledger: AttemptLedger, sessions: SessionTokens? = nil,
        failures: FailureMemory = FailureMemory(), loops: Int = 1, descriptors: Int = .max,
        reportFault: @escaping @Sendable (Fault, [UInt8]) -> Void
    ) {
        self.ledger = ledger
        self.failures = failures
        self.sessions = sessions ?? SessionTokens(hash: ledger.hash, limit: 1_024)
        self.loops = loops
        self.descriptors = descriptors
        addresses = AddressCounts(seed: seed.0 ^ seed.1)
        denied = ListOverlay(seed: seed.0 &+ seed.1)
        allowed = ListOverlay(seed: seed.0 &+ seed.1)
        self.loop = loop
        self.policy = policy
        self.events = events
        self.accessLog = AccessLog(file: accessLog)
        self.reportFault = reportFault
        identifiers = ULID.Generator(seed: seed)
        super.init()
        adopt(policy)
    }

    // MARK: Policy

    /// Puts a new policy in force for the exchanges that begin from now on.
    package func adopt(_ new: Policy) {
        policy = new
        counters.grow(
            services: (new.services.map(\.slot).max() ?? 0) + 1, rules: new.ruleSlots.max().map { $0 + 1 } ?? 0)
        var kept: [UpstreamPool] = []
        var old = pools
        for service in new.services {
            if let index = old.firstIndex(where: { $0.policy.identity == service.upstream.identity }) {
                kept.append(old.remove(at: index))
            } else {
                kept.append(UpstreamPool(policy: service.upstream))
            }
        }
        pools = kept
        scratch.prepare(for: new.ruleset)
        for pool in old { for upstream in pool.retire() { upstream.close() } }
    }

    func pool(for service: ServicePolicy) -> UpstreamPool { pools[service.index] }

    // MARK: Listeners

    /// Accepts on these sockets from now on, and on no others.
    package func listen(_ wanted: [(policy: ListenerPolicy, socket: ListeningSocket)]) {
        for (identity, listener) in listeners
        where !wanted.contains(where: { $0.policy.identity == identity && $0.socket === listener.socket }) {
            // Whoever stands in its queue was told that it is connected.
            listener.emptyBacklog(on: loop)
            pausedBefore += listener.pausedCount
            listener.close(on: loop)
            listeners[identity] = nil
        }
        let gone = Set(listenerPolicies.keys).subtracting(wanted.map(\.policy.identity))
        if !gone.isEmpty {
            for downstream in downstreams {
                if let downstream, gone.contains(downstream.listener.identity) { downstream.drain() }
            }
            for identity in gone { listenerPolicies[identity] = nil }
        }
        if isDraining { return }
        for (policy, socket) in wanted {
            listenerPolicies[policy.identity] = policy
            if listeners[policy.identity] != nil { continue }
            let identity = policy.identity
            let listener = Listener(socket) { [unowned self] descriptor, peer, _ in
                accepted(descriptor, peer: peer, identity: identity)
            }
            listener.makeRoom = { [unowned self] in makeRoom() }
            do throws(Fault) {
                try listener.open(on: loop)
                listeners[identity] = listener
            } catch {
                reportFault(error, Array(identity.utf8))
            }
        }
    }

    private func accepted(_ descriptor: consuming Descriptor, peer: SocketAddress, identity: String) {
        guard let policy = listenerPolicies[identity] else { return }
        var session: TLSSession?
        if let tls = policy.tls {
            do throws(Fault) {
                session = try tls.session(fd: descriptor.raw)
            } catch {
                reportFault(error, Array(identity.utf8))
                return
            }
        }
        accept(Stream(descriptor: descriptor, tls: session), peer: peer, listener: policy)
    }

    /// The counts so far, with what the listeners counted.
    package var currentCounters: Counters {
        var now = counters
        now.acceptPaused = pausedBefore + listeners.values.reduce(0) { $0 + $1.pausedCount }
        return now
    }

    // MARK: Connections

    /// Takes over an accepted connection.
    package func accept(_ stream: consuming Stream, peer: SocketAddress, listener: ListenerPolicy) {
        counters.accepted += 1
        let most = max(1, min(policy.limits.connections, descriptors) / loops)
        if counters.open >= UInt64(most) && !makeRoom() {
            // Closed at once: a connection that waits costs more than one that is told no.
            counters.countRefusal(.tooManyConnections)
            return
        }
        let key = addressKey(peer)
        if let key, !addresses.add(key, limit: addressLimit) {
            counters.countRefusal(.tooManyFromAddress)
            return
        }
        counters.open += 1
        let slot = freeSlots.popLast() ?? downstreams.count
        if slot == downstreams.count { downstreams.append(nil) }
        let downstream = Downstream(
            worker: self, stream: stream, peer: peer, listener: listener, slot: slot, countedAs: key)
        downstreams[slot] = downstream
        downstream.start()
    }

    func closed(slot: Int, countedAs key: IPAddress?) {
        counters.open -= 1
        if let key { addresses.remove(key) }
        downstreams[slot] = nil
        freeSlots.append(slot)
    }

    /// What a peer's connections are counted under: its address, of IPv6 the prefix. nil when there is no limit, and for a trusted proxy and
    /// a Unix socket, which bring many clients.
    private func addressKey(_ peer: SocketAddress) -> IPAddress? {
        guard policy.limits.connectionsPerAddress != nil, let address = peer.address,
            !policy.trust.trusted.contains(address)
        else { return nil }
        return address.isIPv4 ? address : address.masked(to: policy.trust.prefixLength)
    }

    /// One loop's share. A few connections may always meet at the same loop.
    private var addressLimit: Int {
        let limit = policy.limits.connectionsPerAddress ?? .max
        return max(limit / loops, min(limit, 16))
    }

    /// Connections looked at for one that goes.
    private static let evictionSample = 64

    /// Closes the connection that waits longest among some, so that a new one has its place: a house full of idle or unfinished connections
    /// shuts nobody out. False: nobody only waits.
    private func makeRoom() -> Bool {
        var longest: Downstream?
        for _ in 0..<min(Worker.evictionSample, downstreams.count) {
            evictionPlace = evictionPlace + 1 < downstreams.count ? evictionPlace + 1 : 0
            guard let downstream = downstreams[evictionPlace], downstream.isQuiet else { continue }
            if let other = longest, other.quietSince <= downstream.quietSince { continue }
            longest = downstream
        }
        guard let longest else { return false }
        longest.abort()
        counters.evicted += 1
        return true
    }

    /// No new connections. Those that stand announce their end with their next answer; idle ones wait `leavingGrace` for it.
    package func drain() {
        isDraining = true
        listen([])
        for downstream in downstreams { downstream?.drain() }
    }

    /// Ends every connection, finished or not.
    package func closeAll() {
        for downstream in downstreams { downstream?.abort() }
        for pool in pools { for upstream in pool.retire() { upstream.close() } }
        accessLog.flush()
    }

    /// Ends the checks that ran and begins these.
    package func replaceHealthChecks(_ checks: [HealthCheck]) {
        for check in healthChecks { check.stop() }
        healthChecks = checks
        for check in checks { check.start() }
    }

    package func adopt(_ learnt: LearntOutcomes) { self.learnt = learnt }

    package func everySecond() { accessLog.flush() }

    // MARK: Spare memory

    func takeExchange() -> Exchange {
        if let exchange = exchanges.popLast() {
            exchange.reset(policy: policy)
            return exchange
        }
        return Exchange(policy: policy)
    }

    func giveBack(_ exchange: Exchange) {
        if exchanges.count < Worker.spareExchanges { exchanges.append(exchange) }
    }

    /// A connection holds memory only while bytes wait in it.
    func lend(_ buffer: inout ByteBuffer) { spareBuffers.lend(to: &buffer) }
    func giveBack(_ buffer: inout ByteBuffer) { spareBuffers.takeBack(from: &buffer) }

    // MARK: Time and identity

    /// The Date field's value, made once a second.
    var date: [UInt8] {
        let second = loop.unixNanoseconds / 1_000_000_000
        if second != dateSecond {
            dateSecond = second
            dateText.removeAll(keepingCapacity: true)
            HTTPDate.write(unixSeconds: second, to: &dateText)
        }
        return dateText
    }

    /// A new ULID as text.
    func appendIdentifier(to out: inout [UInt8]) {
        identifiers.next(unixMilliseconds: UInt64(max(0, loop.unixNanoseconds / 1_000_000)), to: &out)
    }

    func note(_ fault: Fault, server: ServerEndpoint) {
        counters.upstreamErrors += 1
        reportFault(fault, server.name)
    }
}
