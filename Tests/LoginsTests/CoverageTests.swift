// SPDX-License-Identifier: Apache-2.0
import Testing
import Wire

@testable import Logins

struct CoverageTests {
    /// A route whose events are made by `fill`, one for each number.
    private func route(_ count: Int, _ fill: (inout LoginEvent, Int) -> Void) throws -> RouteWatch {
        var watch = LoginWatch()
        for number in 0..<count {
            var event = LoginEvent(capacity: 64)
            event.texts.service = event.add(Array("sso".utf8))
            event.texts.route = event.add(Array("web".utf8))
            event.client = try #require(IPAddress("203.0.113.\(number % 250)"))
            event.peer = event.client
            event.status = 200
            event.outcome = .success
            event.hasLogin = true
            event.texts.userID = event.add(Array("1".utf8))
            event.facts = [.hasUserAgent, .hasAcceptEncoding, .hasAcceptLanguage]
            fill(&event, number)
            _ = watch.take(event, unixSeconds: 1_000)
        }
        return try #require(watch.routes.first)
    }

    private func codes(_ route: RouteWatch) -> Set<String> {
        Set(CoverageJudge.findings(of: route).map(\.code.rawValue))
    }

    @Test func `what is well has no findings`() throws {
        #expect(codes(try route(200) { _, _ in }).isEmpty)
    }

    @Test func `one peer that forwards for all is a proxy, many that forward are pretenders`() throws {
        let proxy = try #require(IPAddress("198.51.100.7"))
        let behind = try route(50) { event, _ in
            event.peer = proxy
            event.client = proxy
            event.facts.insert(.hasForwarding)
        }
        let finding = try #require(CoverageJudge.findings(of: behind).first { $0.code == .untrustedProxy })
        #expect(finding.change == "client_address: { trusted_proxies: [198.51.100.7] }")
        #expect(!codes(behind).contains("concentrated_clients"))
        let forged = try route(50) { event, _ in event.facts.insert(.hasForwarding) }
        #expect(codes(forged) == ["forged_forwarding"])
    }

    @Test func `a trusted proxy that names nobody, private and few addresses are told apart`() throws {
        let inner = try #require(IPAddress("10.0.0.5"))
        let silent = try route(50) { event, _ in
            (event.peer, event.client) = (inner, inner)
            event.facts.insert(.peerIsTrusted)
        }
        #expect(codes(silent) == ["silent_proxy"])
        let hidden = try route(50) { event, _ in (event.peer, event.client) = (inner, inner) }
        #expect(codes(hidden) == ["private_clients"])
        let outer = try #require(IPAddress("192.0.2.1"))
        let few = try route(200) { event, number in if number % 2 == 0 { (event.peer, event.client) = (outer, outer) } }
        #expect(codes(few) == ["concentrated_clients"])
    }

    @Test func `what events lack is a finding, in few events it is none`() throws {
        let bare = try route(50) { event, number in
            event.hasLogin = false
            event.texts.userID = .empty
            event.facts = []
            event.outcome = number % 3 == 0 ? .failure : number % 3 == 1 ? .success : .unknown
            if number % 3 == 2 { event.texts.userAgent = event.add(Array("Python-Requests/2".utf8)) }
        }
        #expect(
            codes(bare).isSuperset(of: [
                "usr_login_missing", "outcome_unknown", "no_user_agent", "no_accept_encoding", "no_accept_language",
                "library_user_agents",
            ]))
        #expect(codes(try route(10) { event, _ in event.facts = [] }).isEmpty)
    }

    @Test func `a count of heavy addresses is never too small`() throws {
        var heavy = HeavyAddresses()
        let one = try #require(IPAddress("203.0.113.1"))
        for number in 0..<10_000 {
            heavy.take(number % 4 == 0 ? one : IPAddress(v4: UInt32(number)))
        }
        let top = try #require(heavy.top)
        #expect(top.address == one && top.share >= 0.25 && top.share <= 0.25 + 1.0 / 16)
    }
}
