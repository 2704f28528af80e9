// SPDX-License-Identifier: Apache-2.0

import Glibc
import Rules
import Wire

/// What a list of ten million entries costs: `loginward-lists [ENTRIES]` prints one JSON object. A mix of single addresses of both families and of
/// networks, and in a second list as many user names; each entry with an expiry, one of 1 000 reasons, a source.
struct ListBench {
    let count: Int
    private var state: UInt64 = 88

    init(count: Int) { self.count = count }

    private mutating func random() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }

    private static func now() -> UInt64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Of 100 random entries 60 are IPv4 addresses, 10 IPv4 networks, 24 IPv6 addresses, 6 IPv6 networks.
    private mutating func prefix() -> IPPrefix {
        let kind = random() % 100
        let (high, low) = (random(), random())
        if kind < 70 {
            let length = kind < 60 ? 32 : kind < 66 ? 24 : 20 + Int(low >> 40 & 7)
            return IPPrefix(IPAddress(v4: UInt32(truncatingIfNeeded: low)), length: 96 + length)
        }
        let address = IPAddress(high: 0x2000_0000_0000_0000 | high >> 3, low: low)
        return IPPrefix(address, length: kind < 94 ? 128 : kind < 97 ? 64 : 48)
    }

    mutating func run() {
        var lines: [UInt8] = []
        lines.reserveCapacity(count * 64)
        var entries: [IPAddress] = []
        entries.reserveCapacity(count)
        for _ in 0..<count {
            let prefix = prefix()
            entries.append(prefix.address)
            lines += Array("\(prefix)".utf8)
            addRest(&lines)
        }
        let begin = Self.now()
        let (list, problems) = DenylistReader.read([(path: "list", contents: lines)])
        let seconds = Double(Self.now() - begin) / 1e9
        guard let list else { fatalError("\(problems.first.map { "\($0)" } ?? "")") }
        lines = []
        let hits = sample(entries)
        let misses = (0..<1_000_000).map { _ in prefix().address }
        let names = names()
        let small = smallList(hits)
        let memory = list.memory
        let v4 = entries.count { $0.isIPv4 }
        var out = "{\"entries\": \(list.count), \"compile_seconds\": \(seconds)"
        out += ", \"bytes_per_ipv4_entry\": \(Double(memory.v4) / Double(max(1, v4)))"
        out += ", \"bytes_per_ipv6_entry\": \(Double(memory.v6) / Double(max(1, entries.count - v4)))"
        for (name, addresses) in [("hit", hits), ("miss", misses)] {
            for (family, some) in [
                ("", addresses), ("_ipv4", addresses.filter(\.isIPv4)), ("_ipv6", addresses.filter { !$0.isIPv4 }),
            ] {
                out += ", \"\(name)\(family)_ns\": \(time(list, some, chained: false))"
                out += ", \"\(name)\(family)_chained_ns\": \(time(list, some, chained: true))"
            }
        }
        out += ", \"ten_entries_ns\": \(time(small, misses, chained: false)), \(names)}"
        print(out)
    }

    private mutating func addRest(_ lines: inout [UInt8]) {
        let number = random()
        let day = 10 + number % 18
        lines += Array(
            " 2031-03-\(day)T0\(number >> 8 % 10):00:00Z source=feed campaign \(number >> 16 % 1_000)\n".utf8)
    }

    private mutating func sample(_ entries: [IPAddress]) -> [IPAddress] {
        (0..<1_000_000).map { _ in entries[Int(random() % UInt64(entries.count))] }
    }

    private func smallList(_ addresses: [IPAddress]) -> Denylist {
        let text = addresses.prefix(10).map { "\($0)\n" }.joined()
        return DenylistReader.read([(path: "ten", contents: Array(text.utf8))]).list ?? .empty
    }

    private mutating func names() -> String {
        var lines: [UInt8] = []
        lines.reserveCapacity(count * 64)
        var texts: [UInt8] = []
        var asked: [Range<Int>] = []
        for number in 0..<count {
            let name = "user\(random() >> 20)@example.com"
            if number % max(1, count / 500_000) == 0 {
                asked.append(texts.count..<(texts.count + name.utf8.count))
                texts += Array(name.utf8)
            }
            lines += Array("usr.login=\(name)".utf8)
            addRest(&lines)
        }
        let begin = Self.now()
        guard let list = DenylistReader.read([(path: "names", contents: lines)]).list else { fatalError("names") }
        let seconds = Double(Self.now() - begin) / 1e9
        for index in asked.indices { asked.swapAt(index, Int(random() % UInt64(asked.count))) }
        var times: [UInt64] = []
        for block in 0..<(asked.count / 64) {
            let start = Self.now()
            for name in asked[(block * 64)..<(block * 64 + 64)]
            where list.find(.login, texts.span.extracting(name), now: 0) == nil {
                fatalError("a name is lost")
            }
            times.append((Self.now() - start) / 64)
        }
        times.sort()
        return
            "\"names\": \(list.count), \"names_compile_seconds\": \(seconds), \"names_hit_ns\": \(times[times.count / 2])"
            + ", \"bytes_per_name\": \(Double(list.memory.texts) / Double(list.count))"
    }

    /// The median over blocks of 64 lookups. Chained: none begins before the one before it is done, so that all the waiting for memory shows.
    private func time(_ list: Denylist, _ addresses: [IPAddress], chained: Bool) -> Double {
        var times: [UInt64] = []
        var found = 0
        var last: UInt64 = 0
        for block in 0..<(addresses.count / 64) {
            let start = Self.now()
            for index in (block * 64)..<(block * 64 + 64) {
                var address = addresses[index]
                if chained { address.low ^= last }
                if let hit = list.find(address: address, now: 0) {
                    found += 1
                    last = hit.expires < 0 ? 1 : 0
                } else {
                    last = found < 0 ? 1 : 0
                }
            }
            times.append(Self.now() - start)
        }
        times.sort()
        return times.isEmpty ? 0 : Double(times[times.count / 2]) / 64
    }
}

var bench = ListBench(count: CommandLine.arguments.count > 1 ? Int(CommandLine.arguments[1]) ?? 10_000_000 : 10_000_000)
bench.run()
