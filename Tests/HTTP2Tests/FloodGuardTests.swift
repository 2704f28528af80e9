// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HTTP2

@Suite struct FloodGuardTests {
    static let second: UInt64 = 1_000_000_000

    @Test(arguments: Flood.allCases) func `allows a burst and then one too many`(kind: Flood) {
        var guardian = FloodGuard(now: 5)
        let allowed = (0..<kind.allowance.burst).count { _ in guardian.take(kind, now: 5) }
        let another = guardian.take(kind, now: 5)
        #expect(allowed == kind.allowance.burst && !another)
    }

    @Test func `allows more as time goes on, and never more than a burst`() {
        var guardian = FloodGuard(now: 0)
        let (burst, perSecond) = Flood.pings.allowance
        let few = (0..<burst).count { _ in guardian.take(.pings, now: 0) }
        let more = (0..<burst).count { _ in guardian.take(.pings, now: Self.second) }
        let later = (0..<2 * burst).count { _ in guardian.take(.pings, now: 10_000 * Self.second) }
        #expect(few == burst && more == perSecond && later == burst)
    }

    @Test func `counts each kind for itself`() {
        var guardian = FloodGuard(now: 0)
        for _ in 0..<Flood.settings.allowance.burst { _ = guardian.take(.settings, now: 0) }
        let (settings, pings) = (guardian.take(.settings, now: 0), guardian.take(.pings, now: 0))
        #expect(!settings && pings)
    }
}
