// SPDX-License-Identifier: Apache-2.0
import Testing
import Wire

@testable import Proxy

struct AddressCountsTests {
    @Test func `an address has its places, and gets them back`() {
        var counts = AddressCounts(seed: 1)
        var isTaken: Bool
        let (one, other) = (IPAddress(v4: 1), IPAddress(v4: 2))
        isTaken = counts.add(one, limit: 2)
        #expect(isTaken)
        isTaken = counts.add(one, limit: 2)
        #expect(isTaken)
        isTaken = counts.add(one, limit: 2)
        #expect(!isTaken)
        isTaken = counts.add(other, limit: 2)
        #expect(isTaken)
        counts.remove(one)
        isTaken = counts.add(one, limit: 2)
        #expect(isTaken)
        isTaken = counts.add(one, limit: 2)
        #expect(!isTaken)
    }

    @Test func `it counts as a dictionary does, whatever comes and goes`() {
        var counts = AddressCounts(seed: 7)
        var model: [UInt32: Int] = [:]
        var random: UInt64 = 42
        for _ in 0..<200_000 {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let address = UInt32(truncatingIfNeeded: random >> 33) % 9_000
            if random >> 63 == 0 || model[address] == nil {
                let taken = counts.add(IPAddress(v4: address), limit: 5)
                #expect(taken == (model[address, default: 0] < 5))
                if taken { model[address, default: 0] += 1 }
            } else {
                counts.remove(IPAddress(v4: address))
                model[address] = model[address] == 1 ? nil : (model[address] ?? 0) - 1
            }
        }
    }

    @Test func `a full table counts those it knows and lets the others in`() {
        var counts = AddressCounts(seed: 3)
        var isTaken: Bool
        for address in 0..<UInt32(40_000) {
            isTaken = counts.add(IPAddress(v4: address), limit: 1)
            #expect(isTaken)
        }
        isTaken = counts.add(IPAddress(v4: 0), limit: 1)
        #expect(!isTaken)
        isTaken = counts.add(IPAddress(v4: 39_999), limit: 1)
        #expect(isTaken)
        counts.remove(IPAddress(v4: 39_999))
    }
}
