// SPDX-License-Identifier: Apache-2.0
import Patterns
import Wire

/// A rule as it runs. Immutable; a class for the same reason as `RuleInput`: a login that matches a rule asks four times for it.
public final class CompiledRule: Sendable {
    public let id: [UInt8]
    public let name: String
    public let mode: Rule.Mode
    /// A match says nothing about the request.
    public let isSilent: Bool
    public let tags: [(name: [UInt8], value: [UInt8])]
    public let action: RuleAction
    let captures: [(tag: [UInt8], subject: Subject)]
    let expires: Int64
    /// Services that it speaks of, by position; empty: all.
    let services: [Int]
    /// The first phase in which its condition may hold, and the last that it looks at.
    let span: ClosedRange<Phase>
    /// Its condition's place among the nodes of all conditions.
    let root: Int
    /// Its counters: places in the ruleset's `rates`.
    let rates: Range<Int>
    let scope: RuleScope
    /// How long the client waits for an answer of ours.
    public let wait: Duration?

    init(
        id: [UInt8], name: String, mode: Rule.Mode, isSilent: Bool, tags: [(String, String)], action: RuleAction,
        captures: [(tag: [UInt8], subject: Subject)], expires: Int64, services: [Int], span: ClosedRange<Phase>,
        root: Int, rates: Range<Int>, scope: RuleScope, wait: Duration?
    ) {
        self.scope = scope
        self.wait = wait
        self.id = id
        self.name = name
        self.mode = mode
        self.isSilent = isSilent
        self.tags = tags.map { (name: Array($0.0.utf8), value: Array($0.1.utf8)) }
        self.action = action
        self.captures = captures
        self.expires = expires
        self.services = services
        self.span = span
        self.root = root
        self.rates = rates
    }

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
    /// It reads the values of exactly this known field.
    let isKnownHeader: Bool
    let transforms: [Transform]
    let filter: ValueFilter
    /// Bit that says that there is a value, or -1.
    let existsBit: Int
    let direct: DirectTests
    /// All regular expressions and searched texts of this input in one machine.
    let database: PatternDatabase?
    /// Bit of each pattern of the database, and the bytes that a value must have for it.
    let patternBits: [Int]
    let minimumLengths: [Int]
    /// Its values come again and again and are no secrets: what a scan found may be remembered.
    let isRepeated: Bool

    init(
        subject: Subject, known: FieldName, transforms: [Transform], filter: ValueFilter, existsBit: Int,
        direct: DirectTests, database: PatternDatabase?, patternBits: [Int], minimumLengths: [Int]
    ) {
        self.filter = filter
        self.minimumLengths = minimumLengths
        self.subject = subject
        self.known = known
        if case .header = subject, known != .other && known != .lookalike {
            isKnownHeader = true
        } else {
            isKnownHeader = false
        }
        self.transforms = transforms
        self.existsBit = existsBit
        self.direct = direct
        self.database = database
        self.patternBits = patternBits
        isRepeated =
            switch subject {
            case .path, .host: true
            case .header:
                switch known {
                case .host, .userAgent, .accept, .acceptEncoding, .acceptLanguage, .acceptCharset, .contentType,
                    .connection,
                    .te:
                    true
                default: false
                }
            default: false
            }
    }
}

/// Whether a head has anything for an input, in plain numbers. Immutable, part of a ruleset.
struct InputGuide: Sendable {
    /// The presence bit of the field that the input reads, or 0.
    let mask: UInt64
    let known: FieldName
    let isKnownHeader: Bool
    let needsQuery: Bool
    /// The bit that says that the field is there, when nothing else is asked of it; else -1.
    let onlyExistsBit: Int
    /// Of a field without a known name the bit of its name's length, else 0: see `otherLengths`.
    let lengthBit: UInt64

    init(_ input: RuleInput) {
        known = input.known
        isKnownHeader = input.isKnownHeader
        needsQuery =
            switch input.subject {
            case .query, .queryValue, .queryValues, .queryNames: true
            default: false
            }
        let asksMore = !input.direct.isEmpty || input.database != nil
        onlyExistsBit = isKnownHeader && !asksMore ? input.existsBit : -1
        mask = known == .other || known == .lookalike ? 0 : 1 << UInt64(known.rawValue)
        if case .header(let name) = input.subject, mask == 0 {
            lengthBit = InputGuide.bit(of: name.count)
        } else {
            lengthBit = 0
        }
    }

    static func bit(of length: Int) -> UInt64 { 1 << UInt64(length & 63) }

    /// Which lengths the names without a known name have: a rule on a field that nobody sent is mostly left out by it.
    static func otherLengths(_ head: borrowing RequestHead) -> UInt64 {
        var lengths: UInt64 = 0
        for place in head.fields.indices
        where head.fields[place].known == .other || head.fields[place].known == .lookalike {
            lengths |= bit(of: head.fields[place].name.count)
        }
        return lengths
    }
}

/// Compiled rules. Immutable, shared by all loops, replaced whole. Each input is read once; conditions become bits; rules are read off them.
public final class Ruleset: Sendable {
    private let rules: [CompiledRule]
    let inputs: [RuleInput]
    /// For each input what can be asked of it without a reference count: most have nothing to look at.
    let guides: [InputGuide]
    /// Inputs of each phase: a range in `inputs`, which are sorted by it.
    let inputRanges: [Range<Int>]
    private let conditions: RuleConditions
    let bitWords: Int
    public let needsRequestBody: Bool
    public let needsResponseBody: Bool
    public let inspectsResponses: Bool
    public let needsFingerprints: Bool
    public let needsSessionFingerprint: Bool
    let needsQueryValues: Bool
    /// Some rule stores a value as a tag.
    public let hasCaptures: Bool
    /// The counters of all rules.
    public let rates: [RateCondition]
    public let hasRates: Bool

    init(
        rules: [CompiledRule], inputs: [RuleInput], nodes: [RuleNode], bits: Int, rates: [RateCondition] = []
    ) {
        self.rules = rules
        self.rates = rates
        hasRates = !rates.isEmpty
        self.inputs = inputs
        conditions = RuleConditions(nodes: nodes, roots: rules.map(\.root), spans: rules.map(\.span), bits: bits)
        guides = inputs.map { InputGuide($0) }
        bitWords = (bits + 63) / 64
        inputRanges = Phase.allCases.map { phase in
            let start = inputs.firstIndex { $0.subject.phase >= phase } ?? inputs.count
            let end = inputs.firstIndex { $0.subject.phase > phase } ?? inputs.count
            return start..<end
        }
        let subjects =
            inputs.map(\.subject) + rules.flatMap { $0.captures.map(\.subject) }
            + rates.flatMap { $0.key.compactMap(\.subject) }
        needsRequestBody = subjects.contains { $0.phase == .requestBody }
        needsResponseBody = subjects.contains { $0.phase == .responseBody }
        inspectsResponses = subjects.contains { $0.phase >= .responseHead }
        needsFingerprints = subjects.contains { $0.isFingerprint }
        needsSessionFingerprint = subjects.contains(.fingerprintSession)
        hasCaptures = rules.contains { !$0.captures.isEmpty }
        needsQueryValues = subjects.contains(where: \.isOfQuery)
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
        if !input.direct.isEmpty { input.direct.look(at: value, &state) }
        guard let database = input.database else { return }
        database.scan(value, scratch: scratch.patterns, remembers: input.isRepeated)
        for index in scratch.patterns.matched.indices {
            let number = Int(scratch.patterns.matched[index])
            if value.count >= input.minimumLengths[number] { state.set(input.patternBits[number]) }
        }
    }

    // MARK: Verdicts

    /// Reads the rules of `phase` off the bits. Every match is noted; the first that stops decides, else the first that delays.
    func decide(_ phase: Phase, _ facts: ExchangeFacts, _ state: inout Evaluation) -> Verdict {
        let before = state.matches.count
        conditions.appendHolding(phase, state.bits, to: &state.matches)
        if state.matches.count == before { return .allow }
        var kept = before
        for index in before..<state.matches.count where applies(Int(state.matches[index]), facts) {
            state.matches[kept] = state.matches[index]
            kept += 1
        }
        state.matches.removeLast(state.matches.count - kept)
        if hasRates { kept = setCountedApart(from: before, &state) }
        var delaying: Int?
        for index in before..<kept {
            let position = Int(state.matches[index])
            if !rules[position].isEnforced { continue }
            if !rules[position].action.isPassing { return .act(rule: position) }
            if case .delay = rules[position].action, delaying == nil { delaying = position }
        }
        if let position = delaying { return .act(rule: position) }
        return .allow
    }

    /// Moves the rules that have counters, which still have to be asked. Where the others end.
    private func setCountedApart(from start: Int, _ state: inout Evaluation) -> Int {
        var kept = start
        for index in start..<state.matches.count {
            let rule = state.matches[index]
            if rules[Int(rule)].rates.isEmpty {
                state.matches[kept] = rule
                kept += 1
            } else {
                state.counted.append(rule)
            }
        }
        state.matches.removeLast(state.matches.count - kept)
        return kept
    }

    private func applies(_ rule: Int, _ facts: ExchangeFacts) -> Bool {
        facts.unixSeconds < rules[rule].expires && rules[rule].speaks(of: facts.service)
            && rules[rule].scope.holds(facts)
    }
}
