// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Shipping

@Suite struct BackoffTests {
    @Test func `doubles up to half a minute, and chance takes up to half of it`() {
        var backoff = Backoff()
        var waits: [Duration] = []
        for _ in 0..<12 { waits.append(backoff.next(asked: nil)) }
        for (place, wait) in waits.enumerated() {
            let ceiling = min(30_000, 250 << min(place, 7))
            #expect(wait >= .milliseconds(ceiling / 2) && wait <= .milliseconds(ceiling), "\(place): \(wait)")
        }
    }

    @Test func `gateways do not come back in step`() {
        let firsts = (0..<100).map { _ in
            var backoff = Backoff()
            return backoff.next(asked: nil)
        }
        #expect(Set(firsts.map { "\($0)" }).count > 20)
    }

    @Test func `never comes back before it was asked to, nor all at that moment`() {
        var seen: Set<String> = []
        for _ in 0..<100 {
            var backoff = Backoff()
            let wait = backoff.next(asked: .seconds(60))
            #expect(wait >= .seconds(60) && wait <= .seconds(66))
            seen.insert("\(wait)")
        }
        #expect(seen.count > 20)
    }
}
