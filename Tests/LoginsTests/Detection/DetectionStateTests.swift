// SPDX-License-Identifier: Apache-2.0
import Testing
import Wire

@testable import Logins

struct DetectionStateTests {
    @Test func `what was remembered is known for two generations and then forgotten`() {
        var memory = Familiarity()
        memory.turn(1_000)
        for pair in 1...5_000 as ClosedRange<UInt64> { memory.insert(pair &* 0x9e37_79b9_7f4a_7c15) }
        #expect((1...5_000 as ClosedRange<UInt64>).allSatisfy { memory.contains($0 &* 0x9e37_79b9_7f4a_7c15) })
        let strangers = (10_000...20_000 as ClosedRange<UInt64>).filter { memory.contains($0 &* 0x9e37_79b9_7f4a_7c15) }
        #expect(strangers.count < 5)
        for generation in 1...2 { memory.turn(1_000 + Double(generation) * 31 * 86_400) }
        #expect(memory.contains(0x9e37_79b9_7f4a_7c15))
        memory.turn(1_000 + 94 * 86_400)
        #expect(!memory.contains(0x9e37_79b9_7f4a_7c15))
    }

    @Test func `a key enters a table when it comes for the second time`() {
        var table = KeyTable<SourceState>(entries: 64)
        #expect(table.enter(42, 10) == nil)
        let place = table.enter(42, 11)
        #expect(place != nil)
        #expect(table.find(42) == place)
        #expect(table.find(43) == nil)
    }

    @Test func `a key that blocks is not pushed out by others`() {
        var table = KeyTable<SourceState>(entries: 4)
        _ = table.enter(1, 10)
        if let place = table.enter(1, 10) { table.states[place].blockedUntil = 1_000 }
        for key in 2...50 as ClosedRange<UInt64> { for _ in 0..<2 { _ = table.enter(key, 20) } }
        #expect(table.find(1) != nil)
    }

    @Test(arguments: [1, 5, 12, 30]) func `a small count is near enough`(_ number: Int) {
        let hash = KeyedHash(seed: 3)
        var total = 0
        for round in 0..<40 as Range<UInt64> {
            var count = SmallCount()
            for item in 0..<UInt64(number) { count.insert(hash.of(item, round)) }
            total += count.value
        }
        let mean = Double(total) / 40
        #expect(abs(mean - Double(number)) < Double(number) * 0.15 + 0.5)
    }

    @Test(arguments: [0.02, 0.2, 0.97, 1, 1.6, 4.9, 40]) func `the logarithm is exact enough`(_ value: Double) {
        // Through its own inverse: two to the power of log2.
        let doubled = Odds.logarithm(value * 2) - Odds.logarithm(value)
        #expect(abs(doubled - 0.693_147) < 0.000_2)
        #expect(abs(Odds.logarithm(1)) < 0.000_1)
    }

    @Test func `half is left after a half-life`() {
        #expect(abs(Decay.factor(1_800, halfLife: 1_800) - 0.5) < 0.000_001)
        #expect(abs(Decay.factor(2_700, halfLife: 1_800) - 0.353_553) < 0.000_01)
        #expect(Decay.factor(-5, halfLife: 10) == 1)
        #expect(Decay.factor(1e9, halfLife: 10) == 0)
    }

    @Test func `hashes depend on the key, on every byte and on the length`() {
        let (first, second) = (KeyedHash(seed: 1), KeyedHash(seed: 2))
        #expect(first.of(Array("alice".utf8).span) != second.of(Array("alice".utf8).span))
        #expect(first.of(Array("alice".utf8).span) != first.of(Array("alicf".utf8).span))
        #expect(first.of([0].span) != first.of([0, 0].span))
        #expect(first.of(IPAddress(v4: 0x0a00_0001), bits: 120) == first.of(IPAddress(v4: 0x0a00_00fe), bits: 120))
    }

    @Test func `browsers are told by what they say`() {
        func read(_ text: String) -> BrowserName { BrowserName(Array(text.utf8).span) }
        let chrome = read(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
        )
        #expect(
            chrome.family == .chrome && chrome.major == 126 && chrome.system == .windows && chrome.isReduced
                && !chrome.isMobile)
        #expect(read("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0").family == .firefox)
        let safari = read(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Mobile/15E148 Safari/604.1")
        #expect(safari.family == .safari && safari.major == 17 && safari.system == .iphone && safari.isMobile)
        #expect(read("python-requests/2.31").family == .tool)
        #expect(read("").family == .tool)
    }
}
