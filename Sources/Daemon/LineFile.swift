// SPDX-License-Identifier: Apache-2.0
import Glibc
import Logins
import Wire

/// A file that is read line by line, in blocks. Owned by one reader; blocks on the disk.
@safe
final class LineFile {
    private static let blockBytes = 1 << 18

    private let path: String
    private let descriptor: Int32
    private var block = [UInt8](repeating: 0, count: LineFile.blockBytes)
    private var start = 0
    private var end = 0

    init(_ path: String) throws(ReplayTrouble) {
        self.path = path
        descriptor = path == "-" ? dup(0) : unsafe open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 {
            throw ReplayTrouble(description: "cannot read \(path): \(unsafe String(cString: strerror(errno)))")
        }
    }

    deinit { _ = close(descriptor) }

    /// The next line without its line feed. False at the end.
    func next(into line: inout [UInt8], limit: Int) throws(ReplayTrouble) -> Bool {
        line.removeAll(keepingCapacity: true)
        while true {
            if start == end {
                start = 0
                end = try fill()
                if end == 0 { return !line.isEmpty }
            }
            let stop = ByteSearch.find(10, in: block.span.extracting(start..<end))
            let stopped = stop.map { start + $0 } ?? end
            if line.count + stopped - start > limit {
                throw ReplayTrouble(description: "\(path): a line is longer than \(limit) bytes")
            }
            line.append(block.span.extracting(start..<stopped))
            start = stopped
            if stop != nil {
                start += 1
                return true
            }
        }
    }

    private func fill() throws(ReplayTrouble) -> Int {
        while true {
            let count = unsafe block.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 { return count }
            if errno != EINTR {
                throw ReplayTrouble(description: "cannot read \(path): \(unsafe String(cString: strerror(errno)))")
            }
        }
    }
}

/// A file of JSON lines that is written in blocks. Owned by one replay.
struct LineWriter {
    private static let blockBytes = 1 << 16

    private let path: String
    private let descriptor: Int32
    private var bytes: [UInt8] = []
    private var failure: Int32 = 0

    init(_ path: String) throws(ReplayTrouble) {
        self.path = path
        descriptor = path == "-" ? dup(1) : unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        if descriptor < 0 {
            throw ReplayTrouble(description: "cannot write \(path): \(unsafe String(cString: strerror(errno)))")
        }
    }

    mutating func write(line: UInt64, _ decision: Decision) {
        var json = JSONWriter(bytes)
        bytes = []
        json.beginObject()
        json.key("line")
        json.number(Int64(line))
        json.key("action")
        json.string(decision.action.rawValue)
        json.key("reason")
        json.string(decision.reason.rawValue)
        json.key("signal")
        json.string(SignalReport.identifier(decision.signal))
        json.endObject()
        take(json.bytes)
    }

    mutating func write(_ signal: Signal, now: Double, _ names: [UInt64: [UInt8]]) {
        take(SignalReport.line(of: signal, time: now, names: names, after: bytes))
    }

    private mutating func take(_ text: [UInt8]) {
        bytes = text
        bytes.append(10)
        if bytes.count >= LineWriter.blockBytes { flush() }
    }

    private mutating func flush() {
        var done = 0
        while done < bytes.count && failure == 0 {
            let count = unsafe bytes.withUnsafeBytes { all in
                unsafe Glibc.write(descriptor, all.baseAddress.map { unsafe $0 + done }, all.count - done)
            }
            if count > 0 { done += count } else if count == 0 || errno != EINTR { failure = count == 0 ? EIO : errno }
        }
        bytes.removeAll(keepingCapacity: true)
    }

    /// Writes what is left; says whether everything is in the file.
    mutating func finish() throws(ReplayTrouble) {
        flush()
        if close(descriptor) != 0 && failure == 0 { failure = errno }
        if failure != 0 {
            throw ReplayTrouble(description: "cannot write \(path): \(unsafe String(cString: strerror(failure)))")
        }
    }
}
