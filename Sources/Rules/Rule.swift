// SPDX-License-Identifier: Apache-2.0
public import Wire

/// One rule as somebody wrote it: a description, made by Config, compiled by `RuleCompiler`.
public struct Rule: Sendable {
    public enum Mode: String, CaseIterable, Sendable {
        case block, monitor, off
    }

    public var id: String
    public var name: String
    public var mode: Mode
    /// Services that it speaks of; empty: all.
    public var services: [String]
    public var tags: [(String, String)]
    public var condition: Condition
    public var action: RuleAction
    /// "Store value as tag": name of the tag, subject of the value.
    public var captures: [(tag: String, subject: Subject)]
    /// Unix seconds after which it is off; nil: never.
    public var expires: Int64?
    /// It only stores tags: a match says nothing about the request.
    public var isSilent = false
    /// One of several rules of one id of which at most one holds.
    public var isVariant = false
    /// Login routes that it speaks of, "web" of any service or "sso/web"; empty: every request.
    public var routes: [String] = []
    /// The share of clients that it speaks of, 1–100.
    public var percent = 100
    /// How long the client waits for an answer of ours; nil: not at all.
    public var wait: Duration?
    public var place: Place

    public init(
        id: String, name: String, mode: Mode, services: [String], tags: [(String, String)], condition: Condition,
        action: RuleAction, captures: [(tag: String, subject: Subject)], expires: Int64?, place: Place
    ) {
        self.id = id
        self.name = name
        self.mode = mode
        self.services = services
        self.tags = tags
        self.condition = condition
        self.action = action
        self.captures = captures
        self.expires = expires
        self.place = place
    }
}

/// What must hold for a rule to match.
public indirect enum Condition: Sendable {
    case all([Condition])
    case any([Condition])
    /// Holds also when the subject is missing.
    case not(Condition)
    case test(Test)
    /// Only directly in a rule's conditions: what stands beside it says which requests are counted.
    case rate(RateCondition, Place)

    /// The first phase in which it may hold, and the last that it looks at. What is not there may still come, so a negation waits.
    public var phases: ClosedRange<Phase> {
        switch self {
        case .all(let children):
            let spans = children.map(\.phases)
            let first = spans.map(\.lowerBound).max() ?? .requestHead
            return first...(spans.map(\.upperBound).max() ?? first)
        case .any(let children):
            let spans = children.map(\.phases)
            let first = spans.map(\.lowerBound).min() ?? .requestHead
            return first...(spans.map(\.upperBound).max() ?? first)
        case .not(let child): return child.phases.upperBound...child.phases.upperBound
        case .test(let test): return test.subject.phase...test.subject.phase
        case .rate(let rate, _): return rate.phase...rate.phase
        }
    }
}

/// One look at one subject.
public struct Test: Sendable {
    public var subject: Subject
    public var transforms: [Transform]
    public var matcher: Matcher
    public var caseInsensitive: Bool
    /// Which values of the subject count.
    public var filter: ValueFilter
    /// Bytes that a value must have for `regex` and `contains` to look at it.
    public var minimumLength: Int
    public var place: Place

    public init(
        subject: Subject, transforms: [Transform], matcher: Matcher, caseInsensitive: Bool,
        filter: ValueFilter = .everything, minimumLength: Int = 0, place: Place
    ) {
        self.filter = filter
        self.minimumLength = minimumLength
        self.subject = subject
        self.transforms = transforms
        self.matcher = matcher
        self.caseInsensitive = caseInsensitive
        self.place = place
    }
}

/// What is done when a rule matches.
public enum RuleAction: Equatable, Sendable {
    /// The block page with this status.
    case block(status: Int)
    case redirect(status: Int, location: [UInt8])
    case respond(RuleAnswer)
    /// The service's own login failure, as it was learnt; until then this.
    case mimic(fallback: RuleAnswer)
    /// Waits, then goes on.
    case delay(Duration)
    /// Closes without an answer.
    case close
    /// Adds a header to the upstream request and goes on.
    case flag(header: [UInt8], value: [UInt8])

    /// The request goes on to the upstream.
    public var isPassing: Bool {
        switch self {
        case .delay, .flag: true
        case .block, .redirect, .respond, .mimic, .close: false
        }
    }
}

/// What inspection says about one phase of an exchange.
public enum Verdict: Equatable, Sendable {
    case allow
    /// Carry out the action of this rule (its position in the ruleset).
    case act(rule: Int)
}
