// SPDX-License-Identifier: Apache-2.0
public import Wire

/// One login attempt as the detection sees it. A value; hashes are `KeyedHash` of the normalised text, 0 stands for "not known".
public struct Attempt: Sendable {
    /// Unix seconds.
    public var time = 0.0
    /// The evidence that signals name: a line number of a replay, an event's number in the daemon.
    public var number: UInt64 = 0
    public var client = IPAddress.loopback
    public var account: UInt64 = 0
    public var device: UInt64 = 0
    /// Equal passwords have equal numbers.
    public var password: UInt64 = 0
    /// The service says whether there is such an account.
    public var exists: Bool?
    /// Place of its header list in `ProfileTable`, or -1.
    public var profile: Int32 = -1
    /// It was for the reset or the sign-up page, and no login.
    public var isReconnoitring = false
    /// Nothing may be done about it, whatever it belongs to: its sender is only watched.
    public var isOnlyNoted = false

    public init() {}
}

/// What the detection says of an attempt, before it or when the answer is there.
public struct Decision: Sendable, Equatable {
    public enum Action: String, Sendable {
        case allow, block, withhold, challenge, limit
    }

    public var action: Action
    /// What decided, in words that an operator can search for.
    public var reason: StaticReason
    /// Number of the signal that it belongs to, 0 for none.
    public var signal: Int
    /// It counts as a wrong guess until it is settled or abandoned.
    var isCharged = false

    /// Whether the service is asked.
    public var isForwarded: Bool { action != .block && action != .limit }

    /// It belongs to an attack, and nothing is done about it: monitor mode, or a sender who is only watched.
    public var isNoted: Bool { action == .allow && reason != .none }

    public init(action: Action, reason: StaticReason, signal: Int) {
        self.action = action
        self.reason = reason
        self.signal = signal
    }

    public static let allow = Decision(action: .allow, reason: .none, signal: 0)

    /// The same, seen and not acted upon.
    var noted: Decision {
        var decision = self
        decision.action = .allow
        return decision
    }
}

/// Why an attempt was stopped. Closed, so that the hot path makes no text.
public enum StaticReason: String, Sendable {
    case none = ""
    case trait
    case address
    case network
    case account
    case password
    case reconnaissance
    /// More strangers try at once than may try at all.
    case parallelGuesses = "parallel_guesses"
    case unexplainedAttack = "unexplained_attack"
    case successAfterGuesses = "success_after_guesses"
    case successInAttack = "success_in_attack"
}
