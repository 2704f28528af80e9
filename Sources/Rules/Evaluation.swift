// SPDX-License-Identifier: Apache-2.0
import Patterns
public import Wire

/// What is known of an exchange beside its bytes.
public struct ExchangeFacts: Sendable {
    public var client: IPAddress
    public var peer: IPAddress
    public var isSecure: Bool
    /// Position of the service in the policy, -1 for none.
    public var service: Int
    public var unixSeconds: Int64
    /// Number of the login route that the request is for (`RuleCompiler.routeNumber`), -1 for none.
    public var route = -1

    public init(client: IPAddress, peer: IPAddress, isSecure: Bool, service: Int, unixSeconds: Int64) {
        self.client = client
        self.peer = peer
        self.isSecure = isSecure
        self.service = service
        self.unixSeconds = unixSeconds
    }
}

/// One exchange's run over a ruleset, through its phases. Owned by the exchange, reused; arrays keep their memory.
public struct Evaluation: Sendable {
    /// One bit for each condition that holds.
    var bits: [UInt64] = []
    /// Every rule that matched so far, also those that only monitor; positions in the ruleset.
    public internal(set) var matches: [UInt16] = []
    /// Rules of which all holds but the counters, which were not asked yet.
    var counted: [UInt16] = []
    /// Tags that `capture` stored.
    public internal(set) var captures = NamedValues()
    /// Filled by the caller when somebody wants them.
    public var fingerprints = Fingerprints()
    /// The typed name of a login, and whether there is one.
    public var login: [UInt8] = []
    public var hasLogin = false
    /// The time at which lists are asked whether their entries still count.
    var unixSeconds: Int64 = 0
    public var userID: [UInt8] = []

    public init() {}

    /// Makes it as new for an exchange under `ruleset`.
    public mutating func reset(for ruleset: Ruleset) {
        matches.removeAll(keepingCapacity: true)
        if !counted.isEmpty { counted.removeAll(keepingCapacity: true) }
        captures.reset()
        fingerprints.reset()
        login.removeAll(keepingCapacity: true)
        hasLogin = false
        userID.removeAll(keepingCapacity: true)
        let words = ruleset.bitWords
        if bits.count == words {
            for index in 0..<words { bits[index] = 0 }
        } else {
            bits = [UInt64](repeating: 0, count: words)
        }
    }

    @inline(__always)
    mutating func set(_ bit: Int) { bits[bit >> 6] |= 1 << UInt64(bit & 63) }
}

/// A value on its way through transforms, with the memory for the next step. Owned by a scratch.
struct TransformedText {
    private(set) var bytes: [UInt8] = []
    private var next: [UInt8] = []

    mutating func take(_ value: Span<UInt8>) {
        bytes.removeAll(keepingCapacity: true)
        bytes.append(value)
    }

    mutating func apply(_ transform: Transform) {
        next.removeAll(keepingCapacity: true)
        let text = bytes
        transform.apply(text.span, into: &next)
        swap(&bytes, &next)
    }
}

/// One worker's working memory for evaluations. Confined to it.
public final class EvaluationScratch {
    let patterns = PatternScratch()
    var text: [UInt8] = []
    var transformed = TransformedText()
    var query = NamedValues()

    public init() {}

    /// Makes room for what `ruleset` needs. Called when a policy comes into force.
    public func prepare(for ruleset: Ruleset) { ruleset.prepare(patterns) }
}
