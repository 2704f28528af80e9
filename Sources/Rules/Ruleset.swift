// SPDX-License-Identifier: Apache-2.0
import Patterns
import Wire

/// A rule as it runs.
package struct CompiledRule: Sendable {
    package let id: [UInt8]
    package let name: String
    package let mode: Rule.Mode
    package let tags: [(String, String)]
    package let action: RuleAction
    let captures: [(tag: [UInt8], subject: Subject)]
    let expires: Int64
    /// Services that it speaks of, by position; empty: all.
    let services: [Int]
    let phase: Phase
    /// Its condition's place in `Ruleset.nodes`.
    let root: Int

    /// Its action is carried out, not only noted.
    package var isEnforced: Bool { mode == .block }

    package var isFlag: Bool {
        if case .flag = action { true } else { false }
    }

    func speaks(of service: Int) -> Bool {
        if services.isEmpty { return true }
        for index in services.indices where services[index] == service { return true }
        return false
    }
}

/// One thing to look at, after its transforms, and everything that is asked of it.
struct RuleInput: Sendable {
    let subject: Subject
    let transforms: [Transform]
    /// Bit that says that there is a value, or -1.
    let existsBit: Int
    let direct: [DirectTest]
    /// All regular expressions and searched texts of this input in one machine.
    let database: PatternDatabase?
    /// Bit of each pattern of the database.
    let patternBits: [Int]
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

/// Compiled rules. Immutable, shared by all loops, replaced whole. Each input is read once; conditions become bits; rules are read off them.
package final class Ruleset: Sendable {
    private let rules: [CompiledRule]
    let inputs: [RuleInput]
    /// Inputs of each phase: a range in `inputs`, which are sorted by it.
    let inputRanges: [Range<Int>]
    /// Rules that are decided in each phase, in the order of the files.
    let rulesByPhase: [[Int]]
    private let nodes: [RuleNode]
    let bitWords: Int
    package let needsRequestBody: Bool
    package let needsResponseBody: Bool
    package let inspectsResponses: Bool
    package let needsFingerprints: Bool
    let needsQueryValues: Bool

    init(rules: [CompiledRule], inputs: [RuleInput], nodes: [RuleNode], bits: Int) {
        self.rules = rules
        self.inputs = inputs
        self.nodes = nodes
        bitWords = (bits + 63) / 64
        inputRanges = Phase.allCases.map { phase in
            let start = inputs.firstIndex { $0.subject.phase >= phase } ?? inputs.count
            let end = inputs.firstIndex { $0.subject.phase > phase } ?? inputs.count
            return start..<end
        }
        rulesByPhase = Phase.allCases.map { phase in rules.indices.filter { rules[$0].phase == phase } }
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
        needsQueryValues = subjects.contains { if case .queryValue = $0 { true } else { false } }
    }

    /// No rules at all.
    package static var empty: Ruleset { Ruleset(rules: [], inputs: [], nodes: [], bits: 0) }

    package var count: Int { rules.count }
    package var isEmpty: Bool { rules.isEmpty }

    package func rule(at index: Int) -> CompiledRule { rules[index] }

    func prepare(_ scratch: PatternScratch) { for input in inputs { input.database?.prepare(scratch) } }

    // MARK: Tests

    /// Looks at one value of one input.
    func look(
        _ input: borrowing RuleInput, at value: Span<UInt8>, _ state: inout Evaluation, _ scratch: EvaluationScratch
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
        _ input: borrowing RuleInput, _ value: Span<UInt8>, _ state: inout Evaluation, _ scratch: EvaluationScratch
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
    func decide(
        _ phase: Phase, _ facts: ExchangeFacts, _ state: inout Evaluation, capture: (Int, inout Evaluation) -> Void
    )
        -> Verdict
    {
        var stopping: Int?
        var delaying: Int?
        for index in rulesByPhase[phase.rawValue].indices {
            let position = rulesByPhase[phase.rawValue][index]
            if !holds(rules[position].root, state) { continue }
            if facts.unixSeconds >= rules[position].expires || !rules[position].speaks(of: facts.service) { continue }
            state.matches.append(UInt16(truncatingIfNeeded: position))
            if !rules[position].captures.isEmpty { capture(position, &state) }
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
