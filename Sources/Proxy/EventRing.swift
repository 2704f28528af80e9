// SPDX-License-Identifier: Apache-2.0
package import Logins
import Transport

/// One loop's login events on their way to the detection queue. Shared by that loop, which appends, and the queue, which takes all
/// every 20 ms. Bounded; what does not fit is counted by the caller. A short lock: only login requests come here.
package final class EventRing: Sendable {
    /// At 20 ms a drain this is three million logins a second on one loop: met only when the queue stands still.
    package static let capacity = 65_536

    private let events = Guarded<[LoginEvent]>([])

    package init() {}

    /// False: full, the event is lost.
    package func append(_ event: LoginEvent) -> Bool {
        events.withLock { list in
            if list.count >= EventRing.capacity { return false }
            list.append(event)
            return true
        }
    }

    /// Moves everything out, in order.
    package func drain() -> [LoginEvent] {
        events.withLock { list in
            if list.isEmpty { return [] }
            let taken = list
            list = []
            return taken
        }
    }
}
