// SPDX-License-Identifier: Apache-2.0
import Testing
import Transport

@testable import Proxy

struct PaceTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)

    @Test func `a client has the grace, and a second more for every so many bytes`() {
        var pace = Pace()
        pace.wait(start)
        #expect(pace.deadline(rate: 100, grace: .seconds(10)) == start + .seconds(10))
        pace.moved(250)
        #expect(pace.deadline(rate: 100, grace: .seconds(10)) == start + .milliseconds(12_500))
        pace.wait(start + .seconds(5))
        #expect(pace.deadline(rate: 100, grace: .seconds(10)) == start + .milliseconds(12_500), "the clock runs on")
    }

    @Test func `nobody is late before we wait, or when any rate will do`() {
        var pace = Pace()
        #expect(pace.deadline(rate: 100, grace: .zero) == .never)
        pace.wait(start)
        #expect(pace.deadline(rate: 0, grace: .zero) == .never)
        pace.stop()
        #expect(pace.deadline(rate: 100, grace: .zero) == .never)
    }

    @Test func `more bytes than a clock can count are never late`() {
        var pace = Pace()
        pace.wait(start)
        for _ in 0..<4 { pace.moved(.max / 2) }
        #expect(pace.deadline(rate: 1, grace: .seconds(10)) > start + .seconds(1_000_000))
    }
}
