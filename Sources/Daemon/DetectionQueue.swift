// SPDX-License-Identifier: Apache-2.0
import Archive
import Logins
import Proxy
import Shipping
import Synchronization

/// Takes the login events out of every loop's ring, at most 20 ms late, and hands them to the collectors' spool and the archive. Owns one
/// queue; nothing on it waits for a collector or a disk.
final class DetectionQueue: Sendable {
    private static let periodMilliseconds = 20

    private let rings: [EventRing]
    private let outputs: Outputs
    /// Drains between two looks at the archive's age: once in ten minutes.
    private static let drainsPerPruning = 30_000

    private let drains = Atomic<Int>(0)
    private let ticker = Ticker(label: "loginward.detection")

    init(rings: [EventRing], outputs: Outputs) {
        self.rings = rings
        self.outputs = outputs
    }

    func start() { ticker.start(everyMilliseconds: Self.periodMilliseconds) { [self] in drain() } }

    /// Takes what is left and stops.
    func stop() {
        ticker.stop()
        drain()
    }

    private func drain() {
        if drains.wrappingAdd(1, ordering: .relaxed).oldValue % Self.drainsPerPruning == 0 {
            outputs.archive?.prune(unixSeconds: Clock.unixSeconds)
        }
        for ring in rings {
            let events = ring.drain()
            if events.isEmpty { continue }
            outputs.archive?.take(events)
            outputs.shipper?.take(
                events.map { event in
                    var line: [UInt8] = []
                    line.reserveCapacity(1_024)
                    event.writeJSON(to: &line)
                    return line
                })
        }
    }
}
