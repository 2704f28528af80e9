// SPDX-License-Identifier: Apache-2.0
import Archive
import Logins
import Proxy
import Shipping
import Synchronization
import Wire

/// Takes the login events out of every loop's ring, at most 20 ms late, and hands them to the collectors' spool and the archive. Owns one
/// queue; nothing on it waits for a collector or a disk.
final class DetectionQueue: Sendable {
    private static let periodMilliseconds = 20

    private let rings: [EventRing]
    private let outputs: Outputs
    private let coverage: Coverage
    private let ledger: AttemptLedger
    private let log: Logs
    /// Drains between two looks at the archive's age: once in ten minutes.
    private static let drainsPerPruning = 30_000

    /// Drains between two looks at whom attacks are about: once in a second.
    private static let drainsPerLook = 50

    private let drains = Atomic<Int>(0)
    private let ticker = Ticker(label: "loginward.detection")

    init(rings: [EventRing], outputs: Outputs, coverage: Coverage, ledger: AttemptLedger, log: Logs) {
        self.ledger = ledger
        self.log = log
        self.rings = rings
        self.outputs = outputs
        self.coverage = coverage
    }

    func start() { ticker.start(everyMilliseconds: Self.periodMilliseconds) { [self] in drain() } }

    /// Takes what is left and stops.
    func stop() {
        ticker.stop()
        drain()
    }

    private func drain() {
        defer { coverage.tick() }
        if drains.wrappingAdd(1, ordering: .relaxed).oldValue % Self.drainsPerPruning == 0 {
            outputs.archive?.prune(unixSeconds: Clock.unixSeconds)
        }
        var all: [[LoginEvent]] = []
        for ring in rings {
            let events = ring.drain()
            if events.isEmpty { continue }
            all.append(events)
            outputs.archive?.take(events)
            outputs.notifications.take(events)
            outputs.shipper?.take(lines(of: events))
        }
        coverage.take(all)
        detect()
    }

    /// Looks for what attempts have in common, and says in the log what became of attacks.
    private func detect() {
        ledger.search()
        ledger.advance(unixSeconds: Double(Clock.unixSeconds))
        for (signal, _) in ledger.takeChanges() {
            outputs.notifications.take(signal.summary)
            log.warning(
                "attack",
                [
                    "id": SignalReport.identifier(signal.number), "type": signal.type.rawValue,
                    "severity": signal.severity.text, "state": signal.state.rawValue,
                    "attempts": "\(signal.attempts)", "stopped": "\(signal.stopped)",
                    "accounts": "\(signal.accounts.count)", "compromised": "\(signal.compromised.count)",
                    "traits": signal.traits.map { $0.words.joined(separator: " and ") }.joined(separator: "; or "),
                ])
        }
        if drains.load(ordering: .relaxed) % Self.drainsPerLook == 0 { outputs.notifications.look(ledger) }
    }

    private func lines(of events: [LoginEvent]) -> [[UInt8]] {
        var buffer = ByteBuffer()
        var lines: [[UInt8]] = []
        lines.reserveCapacity(events.count)
        for event in events {
            event.writeJSON(to: &buffer)
            var line: [UInt8] = []
            line.append(buffer.bytes)
            lines.append(line)
            buffer.removeAll()
        }
        return lines
    }
}
