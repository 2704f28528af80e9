// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Shipping

struct RefusedEventsTests {
    private func lines(_ texts: [String]) -> ArraySlice<[UInt8]> { texts.map { Array($0.utf8) }[...] }

    @Test func `keeps each event with the time and the reason`() throws {
        let bench = Bench()
        let refused = RefusedEvents(directory: bench.path, sink: "siem")
        try refused.keep(
            lines([#"{"id":"1"}"#, #"{"id":"2"}"#]), reason: "status 400 \"bad\"", unixNanoseconds: 1_500_000_000)
        try refused.keep(lines([#"{"id":"3"}"#]), reason: "x", unixNanoseconds: 0)
        let text = String(decoding: bench.read("refused-siem.jsonl"), as: UTF8.self)
        #expect(
            text == #"{"time":"1970-01-01T00:00:01.500000Z","reason":"status 400 \"bad\"","event":{"id":"1"}}"# + "\n"
                + #"{"time":"1970-01-01T00:00:01.500000Z","reason":"status 400 \"bad\"","event":{"id":"2"}}"# + "\n"
                + #"{"time":"1970-01-01T00:00:00.000000Z","reason":"x","event":{"id":"3"}}"# + "\n")
    }

    @Test func `is bounded by one file before it`() throws {
        let bench = Bench()
        let refused = RefusedEvents(directory: bench.path, sink: "siem", maximumBytes: 200)
        for number in 0..<10 {
            try refused.keep(lines([#"{"id":"\#(number)"}"#]), reason: "r", unixNanoseconds: 0)
        }
        #expect(bench.names() == ["refused-siem.jsonl", "refused-siem.jsonl.1"])
        #expect(bench.read("refused-siem.jsonl").count <= 200)
        #expect(String(decoding: bench.read("refused-siem.jsonl"), as: UTF8.self).contains(#"{"id":"9"}"#))
    }

    @Test func `says what the disk refused`() {
        #expect(throws: DiskFault.self) {
            try RefusedEvents(directory: "/nowhere", sink: "a").keep(lines(["{}"]), reason: "r", unixNanoseconds: 0)
        }
    }
}
