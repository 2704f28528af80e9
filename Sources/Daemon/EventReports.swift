// SPDX-License-Identifier: Apache-2.0
import Admin
import Logins
import Proxy
import Transport
import Wire

/// Events that applications report on the admin listener, on their way to the detection queue. Shared.
final class EventReports: Sendable {
    let ring = EventRing()
    private let identifiers = Guarded(
        ULID.Generator(seed: (UInt64.random(in: 0 ... .max), UInt64.random(in: 0 ... .max))))

    /// Takes all events of a report over, or none and says why.
    func take(_ body: [UInt8], services: [String]) -> Result<Int, AdminTrouble> {
        let now = Clock.unixSeconds
        var events: [LoginEvent]
        do throws(ReportProblem) {
            events = try ReportReader.read(body, services: services, unixNanoseconds: now * 1_000_000_000)
        } catch {
            return .failure(AdminTrouble(status: 400, error.reason))
        }
        for index in events.indices {
            var id: [UInt8] = []
            identifiers.withLock { $0.next(unixMilliseconds: UInt64(max(0, now)) * 1_000, to: &id) }
            events[index].texts.id = events[index].add(id)
        }
        for (index, event) in events.enumerated() where !ring.append(event) {
            return .failure(
                AdminTrouble(status: 503, "only \(index) of \(events.count) events were taken: try again later"))
        }
        return .success(events.count)
    }
}
