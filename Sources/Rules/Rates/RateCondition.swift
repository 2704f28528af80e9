// SPDX-License-Identifier: Apache-2.0

/// A counter as a condition: `rate: { key: client.ip, over: 20/1m }`. It counts the requests for which everything else of its rule holds, apart
/// for each value of its key, and holds for those that are more than it allows. A description, immutable.
public struct RateCondition: Hashable, Sendable {
    /// How the allowance is measured.
    public enum Algorithm: String, CaseIterable, Sendable {
        /// It refills steadily: after a pause `burst` requests may come at once.
        case tokenBucket = "token_bucket"
        /// No more than `count` in any stretch of the window, wherever it begins.
        case slidingWindow = "sliding_window"
    }

    /// When a charge is given back.
    public enum Refund: String, CaseIterable, Sendable {
        case never
        /// The request was a login that succeeded.
        case success
    }

    public var key: [RatePart]
    /// Requests that a window allows, 1–65 535.
    public var count: Int
    /// Nanoseconds.
    public var window: Int64
    public var algorithm: Algorithm
    /// Requests that may come at once (token bucket), 1–65 535.
    public var burst: Int
    public var refund: Refund
    /// Keys that are counted at the same time.
    public var keys: Int

    /// Values of the key that are counted at once, unless the rule says otherwise: 2 MiB.
    public static let defaultKeys = 65_536

    public init(
        key: [RatePart], count: Int, window: Int64, algorithm: Algorithm = .tokenBucket, burst: Int? = nil,
        refund: Refund = .never, keys: Int = RateCondition.defaultKeys
    ) {
        self.key = key
        self.count = count
        self.window = window
        self.algorithm = algorithm
        self.burst = burst ?? count
        self.refund = refund
        self.keys = keys
    }

    /// When all of its key is known.
    var phase: Phase { key.map(\.phase).max() ?? .requestHead }
}

/// One part of what requests are counted by.
public enum RatePart: Hashable, Sendable {
    /// The client's address; of IPv6 the configured prefix.
    case client
    /// The client's IPv4 network of so many bits; IPv6 as `client`.
    case network4(Int)
    /// The client's IPv6 network of so many bits; IPv4 as `client`.
    case network6(Int)
    case subject(Subject)

    /// "client.ip", "client.ip/24" (1–32: IPv4), "client.ip/48" (33–128: IPv6), or any subject of rules.
    public init?(_ text: String) {
        if text == "client.ip" {
            self = .client
        } else if text.hasPrefix("client.ip/") {
            guard let bits = Int(text.dropFirst(10)), bits >= 1, bits <= 128 else { return nil }
            self = bits <= 32 ? .network4(bits) : .network6(bits)
        } else if let subject = Subject(text) {
            self = .subject(subject)
        } else {
            return nil
        }
    }

    var phase: Phase {
        if case .subject(let subject) = self { subject.phase } else { .requestHead }
    }

    var subject: Subject? {
        if case .subject(let subject) = self { subject } else { nil }
    }
}
