// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Shipping

private let ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

private func answer(_ status: String, _ fields: String = "", body: String = "") -> String {
    "HTTP/1.1 \(status)\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
}

@Suite(.serialized) struct ShipperTests {
    private func shipper(_ bench: Bench, _ sinks: [SinkDescription]) throws -> Shipper {
        let spool = try Spool(directory: bench.path + "", maximumBytes: 1 << 20)
        let shipper = Shipper(spool: spool, sinks: sinks) { _ in }
        shipper.start()
        return shipper
    }

    private func web(_ receiver: Receiver, _ framing: SinkDescription.Framing = .ndjson) -> SinkDescription {
        SinkDescription(
            name: "web", kind: .http(url: "http://127.0.0.1:\(receiver.port)/in", framing: framing),
            headers: [("Authorization", "Splunk key")], batchEvents: 4, flushInterval: .milliseconds(20))
    }

    private func bodies(_ receiver: Receiver) -> [UInt8] { receiver.requests.flatMap(\.body) }

    @Test func `posts lines in batches with the sink's fields`() throws {
        let bench = Bench()
        let receiver = Receiver()
        defer { receiver.close() }
        let shipper = try shipper(bench, [web(receiver)])
        shipper.take(lines(0..<10))
        #expect(eventually { shipper.statistics.sinks[0].sent == 10 })
        shipper.stop(deadline: .seconds(1))
        #expect(bodies(receiver) == lines(0..<10).flatMap { $0 + [10] })
        #expect(receiver.requests.count == 3)
        let head = receiver.requests[0].head
        #expect(head.hasPrefix("POST /in HTTP/1.1\r\n"))
        #expect(head.contains("\r\nAuthorization: Splunk key\r\n"))
        #expect(head.contains("\r\nContent-Type: application/x-ndjson"))
        #expect(shipper.statistics.sinks[0].pending == 0)
    }

    @Test func `posts arrays`() throws {
        let bench = Bench()
        let receiver = Receiver()
        defer { receiver.close() }
        let shipper = try shipper(bench, [web(receiver, .array)])
        shipper.take(lines(0..<2))
        #expect(eventually { shipper.statistics.sinks[0].sent == 2 })
        shipper.stop(deadline: .seconds(1))
        #expect(String(decoding: bodies(receiver), as: UTF8.self) == "[{\"n\":0},{\"n\":1}]")
    }

    @Test(arguments: ["408 Slow", "429 Busy", "500 Broken", "503 Away"])
    func `tries again after`(_ status: String) throws {
        let bench = Bench()
        let receiver = Receiver(answers: [answer(status), ok])
        defer { receiver.close() }
        let shipper = try shipper(bench, [web(receiver)])
        shipper.take(lines(0..<2))
        #expect(eventually { shipper.statistics.sinks[0].sent == 2 })
        shipper.stop(deadline: .seconds(1))
        #expect(receiver.requests.map(\.body) == [[UInt8]](repeating: lines(0..<2).flatMap { $0 + [10] }, count: 2))
        #expect(shipper.statistics.sinks[0].retried == 1)
    }

    @Test func `waits as long as the collector asks`() throws {
        let bench = Bench()
        let receiver = Receiver(answers: [answer("503 Away", "Retry-After: 1\r\n"), ok])
        defer { receiver.close() }
        let shipper = try shipper(bench, [web(receiver)])
        let start = ContinuousClock.now
        shipper.take(lines(0..<1))
        #expect(eventually { shipper.statistics.sinks[0].sent == 1 })
        #expect(ContinuousClock.now - start >= .seconds(1))
        shipper.stop(deadline: .seconds(1))
    }

    @Test func `gives up what a collector refuses and goes on`() throws {
        let bench = Bench()
        let receiver = Receiver(answers: [answer("400 Bad"), ok])
        defer { receiver.close() }
        let shipper = try shipper(bench, [web(receiver)])
        shipper.take(lines(0..<8))
        #expect(eventually { shipper.statistics.sinks[0].pending == 0 })
        shipper.stop(deadline: .seconds(1))
        #expect(shipper.statistics.sinks[0].rejected == 4)
        #expect(shipper.statistics.sinks[0].sent == 4)
    }

    @Test func `halves a batch that is too large`() throws {
        let bench = Bench()
        let receiver = Receiver(answers: [answer("413 Large"), ok])
        defer { receiver.close() }
        let shipper = try shipper(bench, [web(receiver)])
        shipper.take(lines(0..<4))
        #expect(eventually { shipper.statistics.sinks[0].sent == 4 })
        shipper.stop(deadline: .seconds(1))
        #expect(receiver.requests.count == 3)
    }

    @Test func `counts the records of a partial success`() throws {
        let bench = Bench()
        let body = "{\"partialSuccess\":{\"rejectedLogRecords\":\"1\"}}"
        let receiver = Receiver(answers: [answer("200 OK", body: body)])
        defer { receiver.close() }
        let sink = SinkDescription(
            name: "otlp", kind: .otlp(encoding: .json, url: "http://127.0.0.1:\(receiver.port)/v1/logs"),
            flushInterval: .milliseconds(20))
        let shipper = try shipper(bench, [sink])
        shipper.take(lines(0..<3))
        #expect(eventually { shipper.statistics.sinks[0].sent == 2 })
        shipper.stop(deadline: .seconds(1))
        #expect(shipper.statistics.sinks[0].rejected == 1)
        #expect(receiver.requests.count == 1)
    }

    @Test func `keeps events over an outage and a new start`() throws {
        let bench = Bench()
        let gone = Receiver()
        gone.close()
        do {
            let shipper = try shipper(bench, [web(gone)])
            shipper.take(lines(0..<6))
            #expect(eventually { shipper.statistics.sinks[0].retried >= 1 })
            shipper.stop(deadline: .milliseconds(50))
            #expect(shipper.statistics.sinks[0].pending == 6)
        }
        let receiver = Receiver(port: gone.port)
        defer { receiver.close() }
        let shipper = try shipper(bench, [web(receiver)])
        #expect(eventually { shipper.statistics.sinks[0].sent == 6 })
        shipper.stop(deadline: .seconds(1))
        #expect(bodies(receiver) == lines(0..<6).flatMap { $0 + [10] })
    }

    @Test func `a dead sink does not hold back another, and files survive a rotation`() throws {
        let bench = Bench()
        let files = Bench()
        let gone = Receiver()
        gone.close()
        let file = SinkDescription(
            name: "file", kind: .file(path: files.path + "/events.ndjson"), flushInterval: .milliseconds(5))
        let shipper = try shipper(bench, [web(gone), file])
        shipper.take(lines(0..<3))
        #expect(eventually { shipper.statistics.sinks[1].sent == 3 })
        let before = files.read("events.ndjson")
        files.remove()
        files.create()
        shipper.reopen()
        shipper.take(lines(3..<5))
        #expect(eventually { shipper.statistics.sinks[1].sent == 5 })
        shipper.stop(deadline: .milliseconds(10))
        #expect(before == lines(0..<3).flatMap { $0 + [10] })
        #expect(files.read("events.ndjson") == lines(3..<5).flatMap { $0 + [10] })
        #expect(shipper.statistics.sinks[0].pending == 5)
    }

    @Test func `stops in time while a collector is silent`() throws {
        let bench = Bench()
        let receiver = Receiver(answers: [""])
        defer { receiver.close() }
        let shipper = try shipper(bench, [web(receiver)])
        shipper.take(lines(0..<1))
        #expect(eventually { receiver.requests.count == 1 })
        let start = ContinuousClock.now
        shipper.stop(deadline: .milliseconds(100))
        #expect(ContinuousClock.now - start < .seconds(5))
        #expect(shipper.statistics.sinks[0].pending == 1)
    }
}
