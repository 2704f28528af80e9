// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Rules
import Synchronization
import Testing
import Transport

@testable import Proxy

struct RateTableTests {
    private let second: UInt64 = 1_000_000_000

    private func table(
        _ count: Int, seconds: UInt64, _ algorithm: RateCondition.Algorithm = .tokenBucket, burst: Int? = nil,
        keys: Int = 1_024
    ) -> RateTable {
        RateTable(
            identity: "t",
            RateCondition(
                key: [.client], count: count, window: Int64(seconds * second), algorithm: algorithm, burst: burst,
                keys: keys))
    }

    private func at(_ seconds: Double) -> MonotonicTime {
        MonotonicTime(nanoseconds: 1_000 * second + UInt64(seconds * Double(second)))
    }

    @Test func `a bucket gives its burst at once and then one request for each step`() {
        let table = table(6, seconds: 60, burst: 3)
        for _ in 0..<3 { #expect(table.charge(7, now: at(0)) == nil) }
        #expect(table.charge(7, now: at(0)) == 10 * second)
        #expect(table.charge(7, now: at(4)) == 6 * second)
        #expect(table.charge(7, now: at(10)) == nil)
        #expect(table.charge(7, now: at(10)) == 10 * second)
        // Another key has an allowance of its own, and the first has its whole again after a pause.
        #expect(table.charge(8, now: at(10)) == nil)
        for _ in 0..<3 { #expect(table.charge(7, now: at(500)) == nil) }
        #expect(table.charge(7, now: at(500)) != nil)
    }

    @Test(arguments: [1, 2, 5, 40]) func `a sliding window never lets more through than it says`(count: Int) {
        let table = table(count, seconds: 7, .slidingWindow)
        var random: UInt64 = 99
        var now = 0.0
        var passed: [Double] = []
        for _ in 0..<20_000 {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            now += Double(random >> 40) / Double(1 << 24) * 2 / Double(count)
            guard let wait = table.charge(3, now: at(now)) else {
                passed.append(now)
                continue
            }
            // It says the truth about when it lets one through again, and that is at most a seventh late.
            #expect(wait > 0 && wait <= 8 * second)
        }
        for index in passed.indices where index + count < passed.count {
            #expect(passed[index + count] - passed[index] > 6.999)
        }
        // Nor much less than it says.
        #expect(Double(passed.count) > now / 8 * Double(count) * 0.95)
    }

    @Test func `a sliding window says when it lets the next request through`() {
        let table = table(3, seconds: 7, .slidingWindow)
        for time in [0.5, 1.5, 1.6] { #expect(table.charge(5, now: at(time)) == nil) }
        let start = at(2)
        guard let wait = table.charge(5, now: start) else {
            Issue.record("a fourth request passed")
            return
        }
        let end = start.nanoseconds + wait
        #expect(table.charge(5, now: MonotonicTime(nanoseconds: end - 1)) != nil)
        #expect(table.charge(5, now: MonotonicTime(nanoseconds: end)) == nil)
    }

    @Test(arguments: RateCondition.Algorithm.allCases)
    func `what is given back can be used again`(algorithm: RateCondition.Algorithm) {
        let table = table(2, seconds: 60, algorithm)
        #expect(table.charge(9, now: at(0)) == nil)
        #expect(table.charge(9, now: at(1)) == nil)
        #expect(table.charge(9, now: at(2)) != nil)
        table.refund(9, chargedAt: at(1))
        #expect(table.charge(9, now: at(2)) == nil)
        #expect(table.charge(9, now: at(2)) != nil)
        // Of somebody who is not known there is nothing to give back.
        table.refund(10, chargedAt: at(1))
    }

    @Test(arguments: RateCondition.Algorithm.allCases)
    func `threads together get exactly what the limit says`(algorithm: RateCondition.Algorithm) {
        let table = table(5_000, seconds: 1_000_000, algorithm)
        let passed = Atomic<Int>(0)
        let now = at(0)
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
            for _ in 0..<5_000 where table.charge(77, now: now) == nil { passed.add(1, ordering: .relaxed) }
        }
        #expect(passed.load(ordering: .relaxed) == 5_000)
    }

    @Test(arguments: RateCondition.Algorithm.allCases)
    func `whoever invents keys does not push out a key that has used more`(algorithm: RateCondition.Algorithm) {
        let table = table(10, seconds: 3_600, algorithm, keys: 1_024)
        let hot: [UInt64] = (1...50).map { $0 &* 0x9e37_79b9_7f4a_7c15 }
        // One has used all that it has, the others half of it.
        for key in hot { for _ in 0..<(key == hot[0] ? 10 : 5) { _ = table.charge(key, now: at(0)) } }
        var random: UInt64 = 5
        for _ in 0..<100_000 {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            _ = table.charge(random | 1, now: at(1))
        }
        #expect(table.statistics.displaced > 90_000)
        #expect(table.charge(hot[0], now: at(1)) != nil)
        for key in hot.dropFirst() {
            var left = 0
            while table.charge(key, now: at(1)) == nil { left += 1 }
            #expect(left == 5)
        }
    }

    @Test func `a full set of used up keys is left alone, and that is counted`() {
        let table = table(1, seconds: 3_600, keys: 8)
        for key in 1...8 { #expect(table.charge(UInt64(key), now: at(0)) == nil) }
        #expect(table.charge(99, now: at(0)) == nil)
        #expect(table.charge(99, now: at(0)) == nil)
        #expect(table.statistics.uncounted == 2)
        for key in 1...8 { #expect(table.charge(UInt64(key), now: at(0)) != nil) }
        // Once their allowance is whole again there is room.
        #expect(table.charge(99, now: at(3_601)) == nil)
        #expect(table.charge(99, now: at(3_601)) != nil)
    }
}
