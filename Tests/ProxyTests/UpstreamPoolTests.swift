// SPDX-License-Identifier: Apache-2.0
import Testing
import Transport
import Wire

@testable import Proxy

struct UpstreamPoolTests {
    private func makePool(
        servers: Int, maximumFailures: Int = 2, weights: [Double] = [], slowStart: Duration? = nil
    ) -> UpstreamPool {
        UpstreamPool(
            policy: UpstreamPolicy(
                identity: "test",
                servers: (0..<servers).map {
                    ServerEndpoint(
                        name: "s\($0)", authority: "s\($0)", serverName: "s\($0)", resolves: nil, addresses: [])
                }, tls: nil, connectTimeout: .seconds(1), responseTimeout: .seconds(1), idleTimeout: .seconds(1),
                keepAlive: 4,
                maximumFailures: maximumFailures, failTimeout: .seconds(10), retries: 1, preservesHost: true,
                weights: weights, slowStart: slowStart))
    }

    private let start = MonotonicTime(nanoseconds: 1_000_000_000_000)

    @Test func `the server with the least outstanding requests is chosen`() {
        let pool = makePool(servers: 3)
        pool.began(0)
        pool.began(0)
        pool.began(1)
        #expect(pool.choose(tried: 0, now: start) == 2)
        pool.began(2)
        pool.began(2)
        #expect(pool.choose(tried: 0, now: start) == 1)
    }

    @Test func `equals take turns`() {
        let pool = makePool(servers: 3)
        let chosen = Set((0..<3).compactMap { _ in pool.choose(tried: 0, now: start) })
        #expect(chosen == [0, 1, 2])
    }

    @Test func `a server that failed too often is left alone and then tried again`() {
        let pool = makePool(servers: 2)
        #expect(pool.failed(0, now: start) == false)
        #expect(pool.failed(0, now: start) == true)
        for _ in 0..<4 { #expect(pool.choose(tried: 0, now: start) == 1) }
        let later = start + .seconds(11)
        #expect(Set((0..<4).compactMap { _ in pool.choose(tried: 0, now: later) }) == [0, 1])
    }

    @Test func `faults further apart than the window do not add up`() {
        let pool = makePool(servers: 2)
        #expect(pool.failed(0, now: start) == false)
        #expect(pool.failed(0, now: start + .seconds(11)) == false)
    }

    @Test func `when all are down the one that may be tried soonest is used`() {
        let pool = makePool(servers: 2, maximumFailures: 1)
        _ = pool.failed(0, now: start)
        _ = pool.failed(1, now: start + .seconds(1))
        #expect(pool.choose(tried: 0, now: start + .seconds(2)) == 0)
    }

    @Test func `a server is not tried twice for one request`() {
        let pool = makePool(servers: 2)
        #expect(pool.choose(tried: 0b01, now: start) == 1)
        #expect(pool.choose(tried: 0b11, now: start) == nil)
    }

    @Test func `a server whose health check fails is the last resort`() {
        let pool = makePool(servers: 2)
        pool.servers[1].endpoint.setPassing(false)
        for _ in 0..<4 { #expect(pool.choose(tried: 0, now: start) == 0) }
        #expect(pool.choose(tried: 0b01, now: start) == 1)
    }

    @Test func `turns are taken by weight and spread evenly`() {
        let pool = makePool(servers: 2, weights: [3, 1])
        let chosen = (0..<8).compactMap { _ in pool.choose(tried: 0, now: start) }
        #expect(chosen.filter { $0 == 0 }.count == 6)
        #expect(chosen[0..<4].contains(1) && chosen[4..<8].contains(1))
    }

    @Test func `a heavier server holds more outstanding requests`() {
        let pool = makePool(servers: 2, weights: [3, 1])
        for _ in 0..<40 {
            if let server = pool.choose(tried: 0, now: start) { pool.began(server) }
        }
        #expect(pool.servers.map(\.outstanding) == [30, 10])
    }

    @Test func `a key stays at its server, and only its server's keys move when that is down`() {
        let pool = makePool(servers: 4, maximumFailures: 1)
        let keys = (0..<1000).map { Affinity.mix($0) }
        let before = keys.map { pool.choose(tried: 0, key: $0, now: start) }
        #expect(keys.map { pool.choose(tried: 0, key: $0, now: start) } == before)
        for server in 0..<4 { #expect((180...320).contains(before.filter { $0 == server }.count)) }
        _ = pool.failed(2, now: start)
        let after = keys.map { pool.choose(tried: 0, key: $0, now: start) }
        for (old, new) in zip(before, after) { #expect(old == 2 ? new != 2 : new == old) }
    }

    @Test func `keys are shared out by weight`() {
        let pool = makePool(servers: 2, weights: [3, 1])
        let first = (0..<4000).filter { pool.choose(tried: 0, key: Affinity.mix($0), now: start) == 0 }
        #expect((2850...3150).contains(first.count))
    }

    @Test func `a server that comes back warms up`() {
        let pool = makePool(servers: 2, maximumFailures: 1, slowStart: .seconds(10))
        _ = pool.failed(0, now: start)
        func share(_ time: MonotonicTime) -> Int {
            (0..<110).filter { _ in pool.choose(tried: 0, now: time) == 0 }.count
        }
        #expect(share(start + .seconds(5)) == 0)
        #expect((8...12).contains(share(start + .seconds(11))))
        #expect((34...39).contains(share(start + .seconds(15))))
        #expect((53...57).contains(share(start + .seconds(21))))
    }
}
