// SPDX-License-Identifier: Apache-2.0
import Synchronization
package import Transport

/// What one loop remembers of a server's faults. A server that failed too often is left alone for a while, then one request may try.
struct UpstreamHealth {
    private var failures = 0
    private var firstFailure = MonotonicTime.never
    /// Not chosen before this time unless nothing else is left.
    private(set) var retryAt = MonotonicTime(nanoseconds: 0)
    /// When it was last taken in again.
    private(set) var returnedAt = MonotonicTime(nanoseconds: 0)

    func isUsable(at now: MonotonicTime) -> Bool { retryAt <= now }

    mutating func succeeded() {
        failures = 0
        retryAt = MonotonicTime(nanoseconds: 0)
    }

    /// `maximum` faults within `window` put the server aside for `window`. Returns true when this one did.
    mutating func failed(at now: MonotonicTime, maximum: Int, window: Duration) -> Bool {
        if maximum == 0 { return false }
        if failures == 0 || firstFailure + window < now {
            failures = 0
            firstFailure = now
        }
        failures += 1
        if failures < maximum { return false }
        failures = 0
        retryAt = now + window
        returnedAt = retryAt
        return true
    }
}

/// One upstream server: its name, the addresses behind it, and whether its health check passes. Shared by all loops and the
/// resolver; read when a connection is opened, never for a request on an open one.
package final class ServerEndpoint: Sendable {
    /// As configured, for logs.
    package let name: [UInt8]
    /// host[:port] for the Host field when the client's is not preserved, and for SNI.
    package let authority: [UInt8]
    package let serverName: String
    /// Name to resolve again from time to time; nil for literal addresses and paths.
    package let resolves: (host: String, port: UInt16)?
    /// Addresses behind the name, each with the time until which another one is better.
    private let addresses: Guarded<[(address: SocketAddress, avoidedUntil: MonotonicTime)]>
    private let turn = Atomic<Int>(0)
    private let passing = Atomic<Bool>(true)
    /// Nanoseconds of the monotonic clock.
    private let passesSince = Atomic<UInt64>(0)

    package init(
        name: String, authority: String, serverName: String, resolves: (host: String, port: UInt16)?,
        addresses: [SocketAddress]
    ) {
        self.name = Array(name.utf8)
        self.authority = Array(authority.utf8)
        self.serverName = serverName
        self.resolves = resolves
        self.addresses = Guarded(addresses.map { ($0, MonotonicTime(nanoseconds: 0)) })
    }

    /// The last answer of the active health check; true when there is none.
    package var isPassing: Bool { passing.load(ordering: .relaxed) }

    package func setPassing(_ value: Bool) { passing.store(value, ordering: .relaxed) }

    /// When the active check passed again after it had failed; 0: it never did.
    var passingSince: MonotonicTime { MonotonicTime(nanoseconds: passesSince.load(ordering: .relaxed)) }

    func passes(since now: MonotonicTime) {
        passesSince.store(now.nanoseconds, ordering: .relaxed)
        setPassing(true)
    }

    /// New addresses from the resolver. An empty answer keeps the old ones: stale is better than none.
    package func update(_ new: [SocketAddress]) {
        if new.isEmpty { return }
        addresses.withLock { list in
            let known = list
            list = new.map { address in
                (address, known.first { $0.address == address }?.avoidedUntil ?? MonotonicTime(nanoseconds: 0))
            }
        }
    }

    /// How many addresses the name has; 0: it was never resolved.
    package var addressCount: Int { addresses.withLock { $0.count } }

    /// An address to connect to; several take turns, and those that failed come last. nil: the name was never resolved.
    package func nextAddress(now: MonotonicTime) -> SocketAddress? {
        let step = UInt(bitPattern: turn.wrappingAdd(1, ordering: .relaxed).oldValue)
        return addresses.withLock { list in
            if list.isEmpty { return nil }
            let start = Int(truncatingIfNeeded: step % UInt(list.count))
            for offset in list.indices where list[(start + offset) % list.count].avoidedUntil <= now {
                return list[(start + offset) % list.count].address
            }
            return list[start].address
        }
    }

    /// A connection to this address failed: while the name has others, they are tried first.
    package func avoid(_ address: SocketAddress, until time: MonotonicTime) {
        addresses.withLock { list in
            for index in list.indices where list[index].address == address { list[index].avoidedUntil = time }
        }
    }
}
