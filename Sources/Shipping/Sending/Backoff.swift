// SPDX-License-Identifier: Apache-2.0

/// How long a sink waits before it tries again: doubling from 250 ms to 30 s, half of it by chance so that gateways do not
/// return to a collector in step. A value.
struct Backoff: Sendable {
    private var exponent = 0

    mutating func next(asked: Duration?) -> Duration {
        let ceiling = min(30_000, 250 << exponent)
        if exponent < 7 { exponent += 1 }
        let chosen = Duration.milliseconds(Int.random(in: (ceiling / 2)...ceiling))
        guard let asked else { return chosen }
        return max(asked, chosen)
    }
}
