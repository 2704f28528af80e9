// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Testing
import Wire

@testable import Transport

@Suite struct SocketAddressTests {
    @Test(arguments: ["127.0.0.1:80", "0.0.0.0:0", "[::1]:443", "unix:/run/x.sock"])
    func `reads what it writes`(_ text: String) throws {
        #expect(try #require(SocketAddress(text)).description == text)
    }

    @Test(arguments: [
        "", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1", "::1:80", "[::1]",
        "[127.0.0.1]:80", "localhost:80", "[::1:80", "unix:", "127.0.0.1:8 0",
    ])
    func `refuses what is no address`(_ text: String) { #expect(SocketAddress(text) == nil) }

    @Test func `refuses a Unix path that the kernel would cut`() {
        #expect(SocketAddress("unix:/" + String(repeating: "a", count: 107)) == nil)
        #expect(SocketAddress("unix:/" + String(repeating: "a", count: 106)) != nil)
    }

    @Test(arguments: ["127.0.0.1:80", "[::1]:443", "unix:/run/x.sock"])
    func `survives the way to the kernel and back`(_ text: String) throws {
        let address = try #require(SocketAddress(text))
        let raw = try #require(RawAddress(address))
        #expect(raw.value == address)
    }

    @Test func `resolves a name off the loop`() {
        let found = Guarded<[SocketAddress]>([])
        Resolver.resolve(host: "localhost", port: 81) { result in
            if case .success(let addresses) = result { found.withLock { $0 = addresses } }
        }
        #expect(eventually { found.withLock { !$0.isEmpty } })
        #expect(found.withLock { $0.allSatisfy { $0.port == 81 } })
    }

    @Test func `resolves an address to itself and a bad name to a fault`() {
        #expect(Resolver.lookUp(host: "127.0.0.1", port: 5) == .success([.ip(IPAddress(v4: 0x7f00_0001), 5)]))
        if case .success = Resolver.lookUp(host: "no such host.invalid", port: 5) { Issue.record("resolved") }
    }
}
