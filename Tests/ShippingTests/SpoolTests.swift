// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing

@testable import Shipping

struct SpoolTests {
    private func everything(_ spool: Spool, _ sink: String = "a") -> [[UInt8]] {
        var all: [[UInt8]] = []
        while true {
            let batch = spool.read(sink: sink, maximumRecords: 3, maximumBytes: 1 << 20)
            all.append(contentsOf: batch.records)
            spool.acknowledge(batch)
            if batch.isEmpty { return all }
        }
    }

    /// The bytes of a spool that holds these records.
    private func segment(_ records: [[UInt8]]) throws -> (name: String, bytes: [UInt8]) {
        let bench = Bench()
        let spool = try Spool(directory: bench.path, maximumBytes: 1 << 20)
        spool.append(records)
        spool.stop()
        let name = try #require(bench.names().first { $0.hasPrefix("segment-") })
        return (name, bench.read(name))
    }

    @Test func `computes the checksum of RFC 3720`() {
        #expect(CRC32C.checksum(Array("123456789".utf8).span) == 0xE306_9283)
        #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32).span) == 0x8A91_36AA)
        #expect(CRC32C.checksum([UInt8]().span) == 0)
    }

    @Test func `the processor and the tables give the same checksum for every length`() {
        var bytes: [UInt8] = []
        for length in 0..<200 {
            #expect(CRC32C.checksum(bytes.span) == CRC32C.checksumByTables(bytes.span), "\(length) bytes")
            bytes.append(UInt8(truncatingIfNeeded: length * 167 + 13))
        }
    }

    @Test(arguments: [0, 100, 1 << 20])
    func `gives back what it took, in order and once`(_ recentBytes: Int) throws {
        let bench = Bench()
        let spool = try Spool(directory: bench.path, maximumBytes: 1 << 20, recentBytes: recentBytes)
        spool.register(sink: "a")
        spool.append(lines(0..<5))
        spool.append(lines(5..<10))
        #expect(spool.pending(sink: "a") == 10)
        #expect(everything(spool) == lines(0..<10))
        #expect(spool.pending(sink: "a") == 0)
        #expect(spool.read(sink: "a", maximumRecords: 9, maximumBytes: 99).isEmpty)
    }

    @Test func `repeats what was not acknowledged`() throws {
        let bench = Bench()
        let spool = try Spool(directory: bench.path, maximumBytes: 1 << 20)
        spool.append(lines(0..<3))
        #expect(spool.read(sink: "a", maximumRecords: 2, maximumBytes: 99).records == lines(0..<2))
        #expect(spool.read(sink: "a", maximumRecords: 9, maximumBytes: 15).records == lines(0..<2))
    }

    @Test func `goes on behind the cursor after a new start, one a sink`() throws {
        let bench = Bench()
        do {
            let spool = try Spool(directory: bench.path, maximumBytes: 1 << 20)
            spool.append(lines(0..<8))
            spool.acknowledge(spool.read(sink: "a", maximumRecords: 5, maximumBytes: 1 << 20))
            spool.acknowledge(spool.read(sink: "b/../c", maximumRecords: 2, maximumBytes: 1 << 20))
            spool.stop()
        }
        let spool = try Spool(directory: bench.path, maximumBytes: 1 << 20)
        spool.register(sink: "b/../c")
        spool.append(lines(8..<9))
        #expect(everything(spool) == lines(5..<9))
        #expect(everything(spool, "b/../c") == lines(2..<9))
        #expect(spool.statistics.damaged == 0)
    }

    @Test func `lets go of records that wait too long, and counts them`() throws {
        let bench = Bench()
        let spool = try Spool(directory: bench.path, maximumBytes: 1 << 20)
        spool.limit(toAge: .seconds(1))
        spool.append(lines(0..<4))
        let batch = spool.read(sink: "a", maximumRecords: 2, maximumBytes: 1 << 20)
        #expect(batch.records == lines(0..<2) && !spool.isExpired(batch))
        #expect(eventually { spool.isExpired(batch) })
        #expect(spool.statistics.bytes == 0)
        // What is held may still arrive: only who reads anew has lost it.
        #expect(spool.statistics.dropped["a"] == 2)
        #expect(spool.read(sink: "a", maximumRecords: 9, maximumBytes: 1 << 20).isEmpty)
        #expect(spool.statistics.dropped["a"] == 4 && spool.pending(sink: "a") == 0)
        spool.append(lines(4..<6))
        #expect(everything(spool) == lines(4..<6))
    }

    @Test func `is held by one process`() throws {
        let bench = Bench()
        let spool = try Spool(directory: bench.path, maximumBytes: 1 << 20)
        #expect(throws: DiskFault.self) { try Spool(directory: bench.path, maximumBytes: 1 << 20) }
        spool.stop()
        _ = try Spool(directory: bench.path, maximumBytes: 1 << 20)
    }

    @Test func `skips exactly the record that a flipped bit damaged`() throws {
        let records = lines(0..<4)
        let (name, bytes) = try segment(records)
        let size = bytes.count / 4
        for offset in bytes.indices {
            let bench = Bench()
            var flipped = bytes
            flipped[offset] ^= 1 << UInt8(offset % 8)
            bench.write(name, flipped)
            let spool = try Spool(directory: bench.path, maximumBytes: 1 << 20)
            var expected = records
            expected.remove(at: offset / size)
            spool.append(lines(9..<10))
            #expect(everything(spool) == expected + lines(9..<10), "byte \(offset)")
            #expect(spool.statistics.damaged == 1, "byte \(offset)")
        }
    }

    @Test func `keeps every whole record of a file cut anywhere`() throws {
        let records = lines(0..<4)
        let (name, bytes) = try segment(records)
        let size = bytes.count / 4
        for length in 0..<bytes.count {
            let bench = Bench()
            bench.write(name, Array(bytes[..<length]))
            let spool = try Spool(directory: bench.path, maximumBytes: 1 << 20)
            spool.append(lines(9..<10))
            #expect(everything(spool) == Array(records[..<(length / size)]) + lines(9..<10), "length \(length)")
            #expect(spool.statistics.damaged == (length % size == 0 ? 0 : 1), "length \(length)")
        }
    }

    @Test func `sees damage that happens while it runs`() throws {
        let bench = Bench()
        let spool = try Spool(directory: bench.path, maximumBytes: 1 << 20, recentBytes: 0)
        spool.append(lines(0..<4))
        let name = try #require(bench.names().first { $0.hasPrefix("segment-") })
        var bytes = bench.read(name)
        bytes[bytes.count / 4 + 2] ^= 0x10
        bench.write(name, bytes)
        #expect(everything(spool) == [lines(0..<1), lines(2..<4)].flatMap { $0 })
        #expect(spool.statistics.damaged == 1)
    }

    @Test func `starts with any garbage and works on`() throws {
        var random = SystemRandomNumberGenerator()
        let (name, bytes) = try segment(lines(0..<20))
        for round in 0..<200 {
            let bench = Bench()
            var garbage = bytes
            for _ in 0..<(1 + round / 10) {
                let at = Int.random(in: 0..<garbage.count, using: &random)
                switch round % 3 {
                case 0: garbage[at] = UInt8.random(in: 0...255, using: &random)
                case 1: garbage.remove(at: at)
                default: garbage.insert(contentsOf: bytes[..<(at % 64)], at: at)
                }
            }
            bench.write(name, garbage)
            bench.write("segment-000000000000zzzz", garbage)
            bench.write("segment-7fffffffffffffff", garbage)
            bench.write("segment-0ffffffffffffffe", bytes)
            bench.write("segment-00000000000000ff", [0x1E, 0xFF, 0x4C, 0x57])
            bench.write("cursor-b", garbage)
            let spool = try Spool(directory: bench.path, maximumBytes: 1 << 20)
            spool.append(lines(900..<905))
            let all = everything(spool)
            #expect(Array(all.suffix(5)) == lines(900..<905))
            #expect(Set(all.dropLast(5)).isSubset(of: Set(lines(0..<20))))
        }
    }

    @Test func `begins anew with a damaged cursor`() throws {
        let bench = Bench()
        do {
            let spool = try Spool(directory: bench.path, maximumBytes: 1 << 20)
            spool.append(lines(0..<4))
            spool.acknowledge(spool.read(sink: "a", maximumRecords: 2, maximumBytes: 1 << 20))
            spool.stop()
        }
        var bytes = bench.read("cursor-a")
        bytes[0] ^= 1
        bench.write("cursor-a", bytes)
        let spool = try Spool(directory: bench.path, maximumBytes: 1 << 20)
        #expect(everything(spool) == lines(0..<4))
    }

    @Test func `drops the oldest records when it is full and counts them`() throws {
        let bench = Bench()
        let spool = try Spool(directory: bench.path, maximumBytes: 8192)
        spool.register(sink: "a")
        for index in 0..<1000 { spool.append(lines(index..<(index + 1))) }
        let statistics = spool.statistics
        let dropped = Int(statistics.dropped["a"] ?? 0)
        #expect(statistics.bytes <= 8192)
        #expect(dropped > 500)
        #expect(everything(spool) == lines(dropped..<1000))
    }

    @Test func `removes what every sink has`() throws {
        let bench = Bench()
        let spool = try Spool(directory: bench.path, maximumBytes: 1 << 16)
        spool.register(sink: "a")
        spool.register(sink: "b")
        for index in 0..<1000 { spool.append(lines(index..<(index + 1))) }
        #expect(everything(spool).count == 1000)
        #expect(spool.statistics.bytes > 20_000)
        #expect(everything(spool, "b").count == 1000)
        #expect(spool.statistics.bytes < 10_000)
        #expect(spool.statistics.dropped == ["a": 0, "b": 0])
    }

    @Test func `serves from memory while the disk refuses, and writes when it recovers`() throws {
        let bench = Bench()
        let spool = try Spool(directory: bench.path, maximumBytes: 1 << 20)
        spool.register(sink: "a")
        bench.remove()
        spool.append(lines(0..<3))
        #expect(spool.statistics.writeErrors > 0)
        #expect(spool.statistics.waitingBytes > 0)
        #expect(spool.read(sink: "a", maximumRecords: 9, maximumBytes: 999).records == lines(0..<3))
        bench.create()
        spool.append(lines(3..<4))
        #expect(eventually { spool.statistics.waitingBytes == 0 })
        #expect(spool.statistics.bytes > 0)
        #expect(everything(spool) == lines(0..<4))
    }

    @Test func `bounds what waits in memory`() throws {
        let bench = Bench()
        let spool = try Spool(directory: bench.path, maximumBytes: 64 << 20)
        spool.register(sink: "a")
        bench.remove()
        let megabyte = [UInt8](repeating: 32, count: 1 << 20)
        for _ in 0..<12 { spool.append([megabyte]) }
        #expect(spool.statistics.waitingBytes <= 8 << 20)
        #expect(spool.statistics.dropped["a"] == 5)
        #expect(spool.pending(sink: "a") == 7)
    }
}
