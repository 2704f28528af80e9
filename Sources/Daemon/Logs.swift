// SPDX-License-Identifier: Apache-2.0
import Glibc
import Logging
import Transport
import Wire

/// Writes operational logs to standard error, one logfmt line each; under journald with its priority in front.
struct LogfmtLines: LogHandler {
    var metadata = Logger.Metadata()
    var logLevel = Logger.Level.info
    private let priorities = unsafe getenv("JOURNAL_STREAM") != nil

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var line: [UInt8] = []
        if priorities { line.append(contentsOf: "<\(Self.priority(event.level))>".utf8) }
        line.append(contentsOf: "time=".utf8)
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        Timestamp.write(unixNanoseconds: Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec), to: &line)
        line.append(contentsOf: " level=\(event.level) msg=".utf8)
        Self.append("\(event.message)", to: &line)
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        for key in all.keys.sorted() {
            line.append(contentsOf: " \(key)=".utf8)
            Self.append(all[key].map { "\($0)" } ?? "", to: &line)
        }
        line.append(10)
        Terminal.write(line, to: 2)
    }

    /// Syslog priorities, as sd-daemon(3) reads them.
    private static func priority(_ level: Logger.Level) -> Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }

    /// A value: bare when it is one plain word, else quoted and escaped. Control bytes never reach the terminal.
    private static func append(_ value: String, to line: inout [UInt8]) {
        let bytes = Array(value.utf8)
        let isPlain = !bytes.isEmpty && bytes.allSatisfy { $0 > 32 && $0 < 127 && $0 != 34 && $0 != 61 && $0 != 92 }
        if isPlain {
            line += bytes
            return
        }
        line.append(34)
        JSONWriter.escape(bytes.span, into: &line)
        line.append(34)
    }
}

/// The daemon's log, with a limit on lines that a fault could repeat without end. Shared.
final class Logs: Sendable {
    private struct Window {
        var second: Int64 = 0
        var lines = 0
        var suppressed = 0
    }

    /// Fault lines a second; the rest is counted and said once.
    private static let faultsPerSecond = 10

    private let logger: Logger
    private let window = Guarded(Window())

    init() {
        var logger = Logger(label: "loginward") { _ in LogfmtLines() }
        logger.logLevel = unsafe getenv("LOGINWARD_DEBUG") == nil ? .info : .debug
        self.logger = logger
    }

    func info(_ message: String, _ fields: [String: String] = [:]) { write(.info, message, fields) }
    func warning(_ message: String, _ fields: [String: String] = [:]) { write(.warning, message, fields) }
    func error(_ message: String, _ fields: [String: String] = [:]) { write(.error, message, fields) }

    /// A fault that may come in floods.
    func fault(_ message: String, _ fields: [String: String] = [:]) {
        let second = Int64(time(nil))
        let decision = window.withLock { window -> (write: Bool, suppressed: Int) in
            var suppressed = 0
            if window.second != second {
                suppressed = window.suppressed
                window = Window(second: second)
            }
            window.lines += 1
            if window.lines > Logs.faultsPerSecond {
                window.suppressed += 1
                return (false, suppressed)
            }
            return (true, suppressed)
        }
        if decision.suppressed > 0 { write(.warning, "faults not shown", ["count": "\(decision.suppressed)"]) }
        if decision.write { write(.warning, message, fields) }
    }

    private func write(_ level: Logger.Level, _ message: String, _ fields: [String: String]) {
        logger.log(level: level, "\(message)", metadata: fields.mapValues { .string($0) })
    }
}
