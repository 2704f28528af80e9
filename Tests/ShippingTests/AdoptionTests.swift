// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing

@testable import Shipping

/// Collectors come, change and go while events flow.
@Suite(.serialized) struct AdoptionTests {
    private func file(_ name: String, _ files: Bench, as path: String? = nil) -> SinkDescription {
        SinkDescription(
            name: name, kind: .file(path: files.path + "/" + (path ?? name)), flushInterval: .milliseconds(5))
    }

    private func dead(_ name: String) -> SinkDescription {
        let gone = Receiver()
        gone.close()
        return SinkDescription(
            name: name, kind: .http(url: "http://127.0.0.1:\(gone.port)/", framing: .ndjson),
            flushInterval: .milliseconds(5))
    }

    private func start(_ bench: Bench, _ sinks: [SinkDescription]) throws -> Shipper {
        let shipper = Shipper(spool: try Spool(directory: bench.path, maximumBytes: 1 << 20), sinks: sinks) { _ in }
        shipper.start()
        return shipper
    }

    private func text(_ range: Range<Int>) -> [UInt8] { lines(range).flatMap { $0 + [10] } }

    @Test func `a new collector begins with the next event, and the old one goes on`() throws {
        let (bench, files) = (Bench(), Bench())
        let shipper = try start(bench, [file("a", files)])
        shipper.take(lines(0..<3))
        #expect(eventually { shipper.statistics.sinks[0].sent == 3 })
        shipper.adopt([file("a", files), file("b", files)], spoolBytes: 1 << 20)
        shipper.take(lines(3..<5))
        #expect(eventually { shipper.statistics.sinks.map(\.sent) == [5, 2] })
        shipper.stop(deadline: .seconds(1))
        #expect(files.read("a") == text(0..<5) && files.read("b") == text(3..<5))
    }

    @Test func `a changed collector takes over what waits, and the counts go on`() throws {
        let (bench, files) = (Bench(), Bench())
        let shipper = try start(bench, [file("a", files, as: "old")])
        shipper.take(lines(0..<2))
        #expect(eventually { shipper.statistics.sinks[0].sent == 2 })
        shipper.adopt([dead("a")], spoolBytes: 1 << 20)
        shipper.take(lines(2..<6))
        #expect(eventually { shipper.statistics.sinks[0].retried >= 1 })
        shipper.adopt([file("a", files, as: "new")], spoolBytes: 1 << 20)
        #expect(eventually { shipper.statistics.sinks[0].sent == 6 })
        shipper.stop(deadline: .seconds(1))
        #expect(files.read("old") == text(0..<2) && files.read("new") == text(2..<6))
        #expect(shipper.statistics.sinks[0].pending == 0 && shipper.statistics.abandoned == 0)
    }

    @Test func `what waits for a collector that is named no more is given up and counted`() throws {
        let (bench, files) = (Bench(), Bench())
        let shipper = try start(bench, [dead("a"), file("b", files)])
        shipper.take(lines(0..<4))
        #expect(eventually { shipper.statistics.sinks[1].sent == 4 })
        shipper.adopt([file("b", files)], spoolBytes: 1 << 20)
        #expect(eventually { shipper.statistics.abandoned == 4 })
        #expect(shipper.statistics.sinks.map(\.name) == ["b"])
        #expect(!bench.names().contains("cursor-a"))
        shipper.stop(deadline: .seconds(1))
    }

    @Test func `without a collector nothing is kept`() throws {
        let (bench, files) = (Bench(), Bench())
        let shipper = try start(bench, [file("a", files)])
        shipper.take(lines(0..<1))
        #expect(eventually { shipper.statistics.sinks[0].sent == 1 })
        shipper.adopt([], spoolBytes: 1 << 20)
        // The sink's end is waited for in the background: then its place is forgotten, and what comes now goes nowhere.
        #expect(eventually { !bench.names().contains("cursor-a") })
        let before = shipper.statistics.spoolBytes
        shipper.take(lines(1..<100))
        shipper.adopt([file("a", files)], spoolBytes: 1 << 20)
        shipper.take(lines(100..<101))
        #expect(eventually { (shipper.statistics.sinks.first?.sent ?? 0) >= 1 })
        shipper.stop(deadline: .seconds(1))
        #expect(files.read("a").suffix(10) == text(100..<101).suffix(10))
        #expect(before < 1_000)
    }

    @Test func `a collector that comes back while it is given up gets what comes then, once`() throws {
        let (bench, files) = (Bench(), Bench())
        let shipper = try start(bench, [file("a", files)])
        for step in 0..<100 {
            shipper.adopt([], spoolBytes: 1 << 20)
            if step % 3 == 0 { usleep(200) }
            shipper.adopt([file("a", files)], spoolBytes: 1 << 20)
            shipper.take(lines(step..<step + 1))
            let last = text(step..<step + 1)
            #expect(eventually { files.read("a").suffix(last.count).elementsEqual(last) })
        }
        shipper.stop(deadline: .seconds(1))
        #expect(files.read("a") == text(0..<100))
    }

    @Test func `changes while events flow lose nothing and repeat nothing`() throws {
        let (bench, files) = (Bench(), Bench())
        let shipper = try start(bench, [file("a", files)])
        for step in 0..<20 {
            shipper.take(lines(step * 10..<step * 10 + 10))
            var sink = file("a", files)
            sink.batchEvents = 10 + step
            shipper.adopt([sink], spoolBytes: 1 << 20)
        }
        #expect(eventually { shipper.statistics.sinks[0].sent == 200 })
        shipper.stop(deadline: .seconds(1))
        #expect(files.read("a") == text(0..<200))
    }

    @Test func `what a sender holds is not dropped until it lets go`() throws {
        let bench = Bench()
        let spool = try Spool(directory: bench.path, maximumBytes: 4_096)
        spool.register(sink: "a")
        let record = [UInt8](repeating: 120, count: 400)
        spool.append([record])
        let held = spool.read(sink: "a", maximumRecords: 1, maximumBytes: 1 << 20)
        for _ in 0..<20 { spool.append([record]) }
        let dropped = spool.dropped
        #expect(dropped > 0 && dropped + spool.pending(sink: "a") == 21)
        spool.acknowledge(held)
        #expect(spool.dropped == dropped, "the first one arrived")
        #expect(spool.pending(sink: "a") == 20 - dropped)
        // The next batch is dropped while it is held, and given up.
        _ = spool.read(sink: "a", maximumRecords: 2, maximumBytes: 1 << 20)
        for _ in 0..<20 { spool.append([record]) }
        _ = spool.read(sink: "a", maximumRecords: 1, maximumBytes: 1 << 20)
        #expect(spool.dropped + spool.pending(sink: "a") == 40)
        spool.stop()
    }
}
