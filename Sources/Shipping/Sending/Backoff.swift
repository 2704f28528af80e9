// SPDX-License-Identifier: Apache-2.0

/// How long a sink waits before it tries again: doubling from 250 ms to 30 s, half of it by chance so that gateways do not
/// return to a collector in step; or as long as it asks, and up to a tenth more. A value.
struct Backoff: Sendable {
    private var exponent = 0

    mutating func next(asked: Duration?) -> Duration {
        let ceiling = min(30_000, 250 << exponent)
        if exponent < 7 { exponent += 1 }
        let chosen = Duration.milliseconds(Int.random(in: (ceiling / 2)...ceiling))
        guard let asked else { return chosen }
        // All gateways were asked at the same moment to come back at the same moment.
        return max(asked + .milliseconds(Int.random(in: 0...max(1, asked.milliseconds / 10))), chosen)
    }
}
