// SPDX-License-Identifier: Apache-2.0

import Config
import Glibc
import Rules
import Shipping
import Wire

/// Files: what an operator writes, and what a crash or a bad disk made of our own.
extension Fuzz {
    static let files = [
        Fuzz(name: "configuration", run: configuration), Fuzz(name: "rules", run: rules),
        Fuzz(name: "spool", run: spool), Fuzz(name: "bulk", run: bulk),
    ]

    private static let start = """
        version: 1
        listeners: [{ address: "127.0.0.1:8080" }]
        services: [{ name: sso, upstream: { servers: ["http://127.0.0.1:9000"] } }]
        rules: { files: [rules.yaml] }

        """

    private static func read(_ files: [String: [UInt8]]) -> (configuration: Configuration?, problems: [Problem]) {
        let environment = ReadingEnvironment(
            read: { path in files[path].map { .success($0) } ?? .failure(FileTrouble("not there")) },
            glob: { _ in [] }, variable: { $0 == "HOME" ? "/root" : nil })
        let found = ConfigurationReader.read(path: "/gate.yaml", environment)
        precondition((found.configuration == nil) == !found.problems.isEmpty, "neither taken nor refused")
        for problem in found.problems {
            precondition(!problem.description.isEmpty && problem.place.line >= 0 && problem.place.column >= 0)
        }
        return (found.configuration, found.problems)
    }

    /// What collectors say of single events. The first byte is how many were sent.
    private static func bulk(_ bytes: Span<UInt8>) {
        if bytes.isEmpty { return }
        var answer: [UInt8] = []
        answer.append(bytes.extracting(1..<bytes.count))
        let count = Int(bytes[0] & 7)
        if let items = BulkAnswer.items(of: answer, count: count) {
            precondition(items.count == count && items.allSatisfy { $0.status != 0 && $0.reason.count <= 100 })
        }
        _ = BulkAnswer.invalidEvent(in: answer)
    }

    private static func configuration(_ bytes: Span<UInt8>) {
        var text: [UInt8] = []
        text.append(bytes)
        _ = read(["/gate.yaml": text, "/rules.yaml": Array("rules: []\n".utf8)])
    }

    private static func rules(_ bytes: Span<UInt8>) {
        var text: [UInt8] = []
        text.append(bytes)
        guard let configuration = read(["/gate.yaml": Array(start.utf8), "/rules.yaml": text]).configuration else {
            return
        }
        // Compiling an expression costs a millisecond: many of them would leave no time for anything else.
        if configuration.rules.count > 3 || bytes.count > 1024 { return }
        let (ruleset, problems) = RuleCompiler.compile(configuration.rules, services: ["sso"])
        precondition((ruleset == nil) == !problems.isEmpty)
    }

    /// A spool with these records, damaged as the input says: three bytes an edit, a place and what is done there. It must start, and
    /// what it gives must be records that were written, in their order, without those that were hit and with all others.
    private static func spool(_ bytes: Span<UInt8>) {
        if bytes.count > 96 { return }
        guard let written else { preconditionFailure("no spool could be written") }
        clear(spoolFolder)
        let (damaged, hit) = damage(written.bytes, bytes, records.count)
        guard put(damaged, written.path) else { preconditionFailure("no file could be written") }
        guard let spool = try? Spool(directory: spoolFolder, maximumBytes: 1 << 20) else {
            preconditionFailure("a damaged spool does not start")
        }
        spool.register(sink: "s")
        var found: [[UInt8]] = []
        for _ in 0..<4 {
            let batch = spool.read(sink: "s", maximumRecords: 10, maximumBytes: 1 << 20)
            found += batch.records
            spool.acknowledge(batch)
        }
        spool.stop()
        var place = 0
        for record in found {
            guard let next = records[place...].firstIndex(of: record) else {
                preconditionFailure("a record that nobody wrote, or one twice")
            }
            precondition(!(place..<next).contains { !hit.contains($0) }, "a record was lost that nothing hit")
            place = next + 1
        }
        precondition(!(place..<records.count).contains { !hit.contains($0) }, "the end was lost, and nothing hit it")
    }

    private static let spoolFolder = "\(Fuzz.folder)/spool-\(getpid())"

    private static let records: [[UInt8]] = (0..<24).map { number in
        Array("{\"id\":\(number),\"text\":\"".utf8) + [UInt8](repeating: 97, count: number * 7) + Array("\"}".utf8)
    }

    /// What an undamaged spool holds; made once.
    private static let written = write(records, in: spoolFolder)

    private static let headBytes = 20

    /// The bytes after the edits, and which records they hit.
    private static func damage(_ original: [UInt8], _ edits: Span<UInt8>, _ count: Int) -> ([UInt8], Set<Int>) {
        var bytes = original
        var hit: Set<Int> = []
        var ends: [Int] = []
        var end = 0
        for number in 0..<count {
            end += headBytes + records[number].count
            ends.append(end)
        }
        precondition(end == original.count, "a frame is longer than was thought")
        var index = 0
        while index + 3 <= edits.count {
            let place = (Int(edits[index]) << 8 | Int(edits[index + 1])) % max(1, original.count)
            let record = ends.firstIndex { $0 > place } ?? 0
            if edits[index + 2] == 0 {
                bytes.removeSubrange(min(place, bytes.count)...)
                for later in record..<count { hit.insert(later) }
            } else if place < bytes.count {
                bytes[place] ^= edits[index + 2]
                hit.insert(record)
            }
            index += 3
        }
        return (bytes, hit)
    }

    private static func write(_ records: [[UInt8]], in folder: String) -> (path: String, bytes: [UInt8])? {
        clear(folder)
        guard let spool = try? Spool(directory: folder, maximumBytes: 1 << 20) else { return nil }
        spool.register(sink: "s")
        spool.append(records)
        spool.stop()
        guard let name = names(folder).first(where: { $0.hasPrefix("segment-") }),
            let file = unsafe fopen("\(folder)/\(name)", "rb")
        else { return nil }
        defer { unsafe fclose(file) }
        var room = [UInt8](repeating: 0, count: 1 << 16)
        let count = unsafe fread(&room, 1, room.count, file)
        return ("\(folder)/\(name)", Array(room[0..<count]))
    }

    private static func put(_ bytes: [UInt8], _ path: String) -> Bool {
        guard let file = unsafe fopen(path, "wb") else { return false }
        defer { unsafe fclose(file) }
        return unsafe fwrite(bytes, 1, bytes.count, file) == bytes.count
    }

    private static func names(_ folder: String) -> [String] {
        guard let directory = unsafe opendir(folder) else { return [] }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    private static func clear(_ folder: String) {
        for name in names(folder) { unsafe unlink("\(folder)/\(name)") }
    }
}
