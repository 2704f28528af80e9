// SPDX-License-Identifier: Apache-2.0
import Testing
import Transport
import Wire

@testable import Proxy

struct UpstreamPoolTests {
    private func makePool(servers: Int, maximumFailures: Int = 2) -> UpstreamPool {
        UpstreamPool(
            policy: UpstreamPolicy(
                identity: "test",
                servers: (0..<servers).map {
                    ServerEndpoint(
                        name: "s\($0)", authority: "s\($0)", serverName: "s\($0)", resolves: nil, addresses: [])
                }, tls: nil, connectTimeout: .seconds(1), responseTimeout: .seconds(1), idleTimeout: .seconds(1),
                keepAlive: 4,
                maximumFailures: maximumFailures, failTimeout: .seconds(10), retries: 1, preservesHost: true))
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
}
