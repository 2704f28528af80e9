// SPDX-License-Identifier: Apache-2.0
import Logins
import Proxy
import Shipping
import Synchronization

/// Takes the login events out of every loop's ring, at most 20 ms late, and hands them to the collectors' spool. Owns one queue; nothing on
/// it waits for a collector.
final class DetectionQueue: Sendable {
    private static let periodMilliseconds = 20

    private let rings: [EventRing]
    private let shipper: Shipper?
    private let ticker = Ticker(label: "loginward.detection")

    init(rings: [EventRing], shipper: Shipper?) {
        self.rings = rings
        self.shipper = shipper
    }

    func start() { ticker.start(everyMilliseconds: Self.periodMilliseconds) { [self] in drain() } }

    /// Takes what is left and stops.
    func stop() {
        ticker.stop()
        drain()
    }

    private func drain() {
        for ring in rings {
            let events = ring.drain()
            if events.isEmpty { continue }
            shipper?.take(
                events.map { event in
                    var line: [UInt8] = []
                    line.reserveCapacity(1_024)
                    event.writeJSON(to: &line)
                    return line
                })
        }
    }
}
