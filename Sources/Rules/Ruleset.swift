// SPDX-License-Identifier: Apache-2.0
import Patterns
import Wire

/// A rule as it runs.
public struct CompiledRule: Sendable {
    public let id: [UInt8]
    public let name: String
    public let mode: Rule.Mode
    public let tags: [(String, String)]
    public let action: RuleAction
    let captures: [(tag: [UInt8], subject: Subject)]
    let expires: Int64
    /// Services that it speaks of, by position; empty: all.
    let services: [Int]
    let phase: Phase
    /// Its condition's place in `Ruleset.nodes`.
    let root: Int

    /// Its action is carried out, not only noted.
    public var isEnforced: Bool { mode == .block }

    public var isFlag: Bool {
        if case .flag = action { true } else { false }
    }

    func speaks(of service: Int) -> Bool {
        if services.isEmpty { return true }
        for index in services.indices where services[index] == service { return true }
        return false
    }
}

/// One thing to look at, after its transforms, and everything that is asked of it. Immutable; a class, so that looking at it costs one
/// reference count and not five.
final class RuleInput: Sendable {
    let subject: Subject
    /// The field that the subject reads, where it is a known one; else `other`.
    let known: FieldName
    let transforms: [Transform]
    /// Bit that says that there is a value, or -1.
    let existsBit: Int
    let direct: [DirectTest]
    /// All regular expressions and searched texts of this input in one machine.
    let database: PatternDatabase?
    /// Bit of each pattern of the database.
    let patternBits: [Int]

    init(
        subject: Subject, known: FieldName, transforms: [Transform], existsBit: Int, direct: [DirectTest],
        database: PatternDatabase?, patternBits: [Int]
    ) {
        self.subject = subject
        self.known = known
        self.transforms = transforms
        self.existsBit = existsBit
        self.direct = direct
        self.database = database
        self.patternBits = patternBits
    }
}

/// A node of a condition, in the order of writing; `end` is the place behind its subtree.
struct RuleNode: Sendable {
    enum Kind: UInt8, Sendable {
        case test, all, any, not
    }

    var kind: Kind
    var bit: Int32
    var end: Int32
}

/// A rule's place in the work of one phase.
struct RulePlan: Sendable {
    let rule: Int
    let root: Int
    /// Bits of one word of which it needs one to hold; 0: none is known.
    let needed: UInt64
    let neededWord: Int
    /// A bit with which it cannot hold, or -1: rules about missing headers have one.
    let excluded: Int
}

/// Compiled rules. Immutable, shared by all loops, replaced whole. Each input is read once; conditions become bits; rules are read off them.
public final class Ruleset: Sendable {
    private let rules: [CompiledRule]
    let inputs: [RuleInput]
    /// For each input the presence bit of the field that it reads, or 0: an absent field costs one test and no reference count.
    let presenceMasks: [UInt64]
    /// Inputs of each phase: a range in `inputs`, which are sorted by it.
    let inputRanges: [Range<Int>]
    /// Rules that are decided in each phase, in the order of the files: a range in `plans`.
    private let planRanges: [Range<Int>]
    private let plans: [RulePlan]
    private let nodes: [RuleNode]
    let bitWords: Int
    public let needsRequestBody: Bool
    public let needsResponseBody: Bool
    public let inspectsResponses: Bool
    public let needsFingerprints: Bool
    public let needsSessionFingerprint: Bool
    let needsQueryValues: Bool

    init(rules: [CompiledRule], inputs: [RuleInput], nodes: [RuleNode], bits: Int) {
        self.rules = rules
        self.inputs = inputs
        self.nodes = nodes
        presenceMasks = inputs.map { $0.known == .other || $0.known == .lookalike ? 0 : 1 << UInt64($0.known.rawValue) }
        bitWords = (bits + 63) / 64
        inputRanges = Phase.allCases.map { phase in
            let start = inputs.firstIndex { $0.subject.phase >= phase } ?? inputs.count
            let end = inputs.firstIndex { $0.subject.phase > phase } ?? inputs.count
            return start..<end
        }
        var plans: [RulePlan] = []
        planRanges = Phase.allCases.map { phase in
            let start = plans.count
            for index in rules.indices where rules[index].phase == phase {
                let root = rules[index].root
                let needed = Ruleset.neededBits(root, nodes)
                plans.append(
                    RulePlan(
                        rule: index, root: root, needed: needed.mask, neededWord: needed.word,
                        excluded: Ruleset.excludedBit(root, nodes)))
            }
            return start..<plans.count
        }
        self.plans = plans
        let subjects = inputs.map(\.subject) + rules.flatMap { $0.captures.map(\.subject) }
        needsRequestBody = subjects.contains { $0.phase == .requestBody }
        needsResponseBody = subjects.contains { $0.phase == .responseBody }
        inspectsResponses = subjects.contains { $0.phase >= .responseHead }
        needsFingerprints = subjects.contains {
            switch $0 {
            case .fingerprintHTTP, .fingerprintHeader, .fingerprintNetwork, .fingerprintSession: true
            default: false
            }
        }
        needsSessionFingerprint = subjects.contains(.fingerprintSession)
        needsQueryValues = subjects.contains { if case .queryValue = $0 { true } else { false } }
    }

    /// No rules at all.
    public static var empty: Ruleset { Ruleset(rules: [], inputs: [], nodes: [], bits: 0) }

    public var count: Int { rules.count }
    public var isEmpty: Bool { rules.isEmpty }

    public func rule(at index: Int) -> CompiledRule { rules[index] }

    func prepare(_ scratch: PatternScratch) { for input in inputs { input.database?.prepare(scratch) } }

    // MARK: Tests

    /// Looks at one value of one input.
    func look(
        _ input: RuleInput, at value: Span<UInt8>, _ state: inout Evaluation, _ scratch: EvaluationScratch
    ) {
        if input.existsBit >= 0 { state.set(input.existsBit) }
        if input.transforms.isEmpty {
            test(input, value, &state, scratch)
            return
        }
        scratch.transformed.take(value)
        for index in input.transforms.indices { scratch.transformed.apply(input.transforms[index]) }
        let transformed = scratch.transformed.bytes
        test(input, transformed.span, &state, scratch)
    }

    private func test(
        _ input: RuleInput, _ value: Span<UInt8>, _ state: inout Evaluation, _ scratch: EvaluationScratch
    ) {
        for index in input.direct.indices where input.direct[index].matches(value) {
            state.set(input.direct[index].bit)
        }
        guard let database = input.database else { return }
        database.scan(value, scratch: scratch.patterns)
        for index in scratch.patterns.matched.indices {
            state.set(input.patternBits[Int(scratch.patterns.matched[index])])
        }
    }

    // MARK: Verdicts

    /// Reads the rules of `phase` off the bits. Every match is noted; the first that stops decides, else the first that delays.
    func decide(_ phase: Phase, _ facts: ExchangeFacts, _ state: inout Evaluation) -> Verdict {
        var stopping: Int?
        var delaying: Int?
        for index in planRanges[phase.rawValue] {
            let plan = plans[index]
            if plan.needed != 0 && state.bits[plan.neededWord] & plan.needed == 0 { continue }
            if plan.excluded >= 0 && state.holds(plan.excluded) { continue }
            if !holds(plan.root, state) { continue }
            let position = plan.rule
            if facts.unixSeconds >= rules[position].expires || !rules[position].speaks(of: facts.service) { continue }
            state.matches.append(UInt16(truncatingIfNeeded: position))
            if !rules[position].isEnforced { continue }
            if !rules[position].action.isPassing {
                if stopping == nil { stopping = position }
            } else if case .delay = rules[position].action, delaying == nil {
                delaying = position
            }
        }
        if let position = stopping ?? delaying { return .act(rule: position) }
        return .allow
    }

    /// Bits of which one must be set for the condition to hold, all in one word; no bits when nothing so simple is true. Most rules match
    /// nothing: 50 of them are then read off in 0.1 µs instead of 0.5.
    private static func neededBits(_ node: Int, _ nodes: [RuleNode]) -> (word: Int, mask: UInt64) {
        switch nodes[node].kind {
        case .test: return (Int(nodes[node].bit >> 6), 1 << UInt64(nodes[node].bit & 63))
        case .all:
            for child in children(of: node, nodes) {
                let bits = neededBits(child, nodes)
                if bits.mask != 0 { return bits }
            }
            return (0, 0)
        case .any:
            var union: (word: Int, mask: UInt64)?
            for child in children(of: node, nodes) {
                let bits = neededBits(child, nodes)
                if bits.mask == 0 || union.map({ $0.word != bits.word }) ?? false { return (0, 0) }
                union = (bits.word, (union?.mask ?? 0) | bits.mask)
            }
            return union ?? (0, 0)
        case .not: return (0, 0)
        }
    }

    /// A bit that must not be set for the condition to hold, or -1.
    private static func excludedBit(_ node: Int, _ nodes: [RuleNode]) -> Int {
        switch nodes[node].kind {
        case .test, .any: return -1
        case .all:
            for child in children(of: node, nodes) {
                let bit = excludedBit(child, nodes)
                if bit >= 0 { return bit }
            }
            return -1
        case .not: return nodes[node + 1].kind == .test ? Int(nodes[node + 1].bit) : -1
        }
    }

    private static func children(of node: Int, _ nodes: [RuleNode]) -> [Int] {
        var places: [Int] = []
        var child = node + 1
        while child < Int(nodes[node].end) {
            places.append(child)
            child = Int(nodes[child].end)
        }
        return places
    }

    private func holds(_ node: Int, _ state: borrowing Evaluation) -> Bool {
        switch nodes[node].kind {
        case .test: return state.holds(Int(nodes[node].bit))
        case .not: return !holds(node + 1, state)
        case .all:
            var child = node + 1
            while child < Int(nodes[node].end) {
                if !holds(child, state) { return false }
                child = Int(nodes[child].end)
            }
            return true
        case .any:
            var child = node + 1
            while child < Int(nodes[node].end) {
                if holds(child, state) { return true }
                child = Int(nodes[child].end)
            }
            return false
        }
    }
}
