// SPDX-License-Identifier: Apache-2.0
import Testing
import Transport
import Wire

@testable import Proxy

struct ServerEndpointTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000_000)
    private let addresses = (1...3).map { SocketAddress.unix("/\($0)") }

    private func endpoint(_ addresses: [SocketAddress]) -> ServerEndpoint {
        ServerEndpoint(name: "s", authority: "s", serverName: "s", resolves: ("s", 80), addresses: addresses)
    }

    private func chosen(_ endpoint: ServerEndpoint, _ count: Int, at now: MonotonicTime) -> [SocketAddress] {
        (0..<count).compactMap { _ in endpoint.nextAddress(now: now) }
    }

    @Test func `addresses take turns`() {
        #expect(chosen(endpoint(addresses), 6, at: start) == addresses + addresses)
    }

    @Test func `a name that was never resolved has no address`() {
        let endpoint = endpoint([])
        #expect(endpoint.nextAddress(now: start) == nil && endpoint.addressCount == 0)
        endpoint.update(addresses)
        endpoint.update([])
        #expect(endpoint.addressCount == 3, "stale is better than none")
    }

    @Test func `an address that failed comes last until its time is over`() {
        let endpoint = endpoint(addresses)
        endpoint.avoid(addresses[1], until: start + .seconds(10))
        #expect(!chosen(endpoint, 6, at: start).contains(addresses[1]))
        #expect(chosen(endpoint, 6, at: start + .seconds(10)).contains(addresses[1]))
    }

    @Test func `when all failed they are tried all the same`() {
        let endpoint = endpoint(addresses)
        for address in addresses { endpoint.avoid(address, until: start + .seconds(10)) }
        #expect(Set(chosen(endpoint, 3, at: start)) == Set(addresses))
    }

    @Test func `what failed is remembered when the name is resolved anew`() {
        let endpoint = endpoint(addresses)
        endpoint.avoid(addresses[0], until: start + .seconds(10))
        endpoint.update([addresses[0], addresses[2]])
        #expect(Set(chosen(endpoint, 4, at: start)) == [addresses[2]])
    }
}
