// SPDX-License-Identifier: Apache-2.0
import Logins
import Transport

/// What the service's own login failures look like and how long they take, by service, route and kind of client, as all loops share it: one short lock
/// a failed login. Bounded in kinds, samples and bytes. Any thread.
package final class FailureMemory: Sendable {
    private static let kinds = 512
    private static let samples = 6
    private static let latencies = 64
    /// Nanoseconds after which one more sample is taken of what is learnt already: services change, and a flood of failures costs nothing.
    private static let pause: UInt64 = 1_000_000_000

    private struct Kind {
        var samples: [FailureSample] = []
        var latencies: [UInt64] = []
        var nextLatency = 0
        var template: FailureTemplate?
        var sampledAt: UInt64 = 0
        var isStale = false
    }

    private let known = Guarded<[UInt64: Kind]>([:])

    package init() {}

    /// Notes how long a failure took. True: a sample of it is wanted.
    func note(_ kind: UInt64, nanoseconds: UInt64, now: MonotonicTime) -> Bool {
        known.withLock { known in
            if known[kind] == nil && known.count >= FailureMemory.kinds { return false }
            var entry = known.removeValue(forKey: kind) ?? Kind()
            defer { known[kind] = entry }
            if entry.latencies.count < FailureMemory.latencies {
                entry.latencies.append(nanoseconds)
            } else {
                entry.latencies[entry.nextLatency] = nanoseconds
                entry.nextLatency = (entry.nextLatency + 1) % FailureMemory.latencies
            }
            if entry.template != nil && now.nanoseconds < entry.sampledAt + FailureMemory.pause { return false }
            entry.sampledAt = now.nanoseconds
            return true
        }
    }

    /// Of one name there is one sample, so that what many samples say is nobody's own.
    func add(_ sample: FailureSample, to kind: UInt64) {
        known.withLock { known in
            guard var entry = known.removeValue(forKey: kind) else { return }
            defer { known[kind] = entry }
            entry.samples.removeAll { $0.name == sample.name }
            if entry.samples.count >= FailureMemory.samples { entry.samples.removeFirst() }
            entry.samples.append(sample)
            entry.isStale = true
        }
    }

    /// How to answer; nil while nothing is learnt. What was learnt stays until something else is.
    func template(of kind: UInt64) -> FailureTemplate? {
        known.withLock { known in
            guard let entry = known[kind] else { return nil }
            if !entry.isStale { return entry.template }
            let new = FailureTemplate(entry.samples) ?? entry.template
            known[kind]?.template = new
            known[kind]?.isStale = false
            return new
        }
    }

    /// How long such an answer takes, drawn from those that were seen; nil: none was.
    func latency(of kind: UInt64) -> Duration? {
        known.withLock { known in
            guard let seen = known[kind]?.latencies.sorted(), let first = seen.first else { return nil }
            // Between two neighbours, so that no time comes twice.
            let place = Double.random(in: 0..<1) * Double(seen.count - 1)
            let low = seen[Int(place)]
            let high = Int(place) + 1 < seen.count ? seen[Int(place) + 1] : first
            let drawn = Double(low) + (Double(high) - Double(low)) * (place - place.rounded(.down))
            return .nanoseconds(Int64(max(0, min(drawn, 60e9))))
        }
    }
}
