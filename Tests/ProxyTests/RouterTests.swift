// SPDX-License-Identifier: Apache-2.0
import Testing
import Wire

@testable import Proxy

struct RouterTests {
    private let router = Router(hosts: [["login.example.com"], ["*.example.com", "*.id.example.com"], []])

    private func service(_ authority: String) -> Int? { router.service(for: Array(authority.utf8).span) }

    @Test func `an exact host wins over a wildcard`() {
        #expect(service("login.example.com") == 0)
        #expect(service("other.example.com") == 1)
    }

    @Test func `hosts are compared without case, port and trailing dot`() {
        #expect(service("LOGIN.Example.COM:8443") == 0)
        #expect(service("login.example.com.") == 0)
        #expect(service("login.example.com.:443") == 0)
    }

    @Test func `a wildcard does not take the bare domain`() { #expect(service("example.com") == 2) }

    @Test func `a service without hosts takes what no other names`() {
        #expect(service("203.0.113.1") == 2)
        #expect(service("[2001:db8::1]:80") == 2)
        #expect(service("") == 2)
    }

    @Test func `without a fallback an unknown host has no service`() {
        let strict = Router(hosts: [["a.example"]])
        #expect(strict.service(for: Array("b.example".utf8).span) == nil)
    }
}
