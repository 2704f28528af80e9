// SPDX-License-Identifier: Apache-2.0
import Patterns
public import Wire

/// Turns described rules into a `Ruleset`, off the loops, or says everything that is wrong with them.
public enum RuleCompiler {
    /// Conditions of one ruleset; more is a mistake somewhere.
    private static let conditionLimit = 1 << 16

    /// The number of a service's login route, by their positions.
    public static func routeNumber(service: Int, route: Int) -> Int { service << 16 | route }

    /// `services` are the names by position, `routes` those of each service's login routes. With any problem there is no ruleset.
    public static func compile(_ rules: [Rule], services: [String], routes: [[String]] = []) -> (
        ruleset: Ruleset?, problems: [Problem]
    ) {
        var build = Build(services: services, routes: routes)
        for rule in rules where rule.mode != .off { build.add(rule) }
        build.findDuplicates(rules)
        let inputs = build.finishInputs()
        if !build.problems.isEmpty { return (nil, build.problems) }
        return (
            Ruleset(
                rules: build.rules, inputs: inputs, nodes: build.nodes, bits: build.bits, rates: build.rates), []
        )
    }

    /// What gathers while rules are added.
    private struct Build {
        struct Key: Hashable {
            var subject: Subject
            var transforms: [Transform]
            var filter: ValueFilter
        }

        /// An `equals` test; equal ones share a bit.
        struct Comparison: Hashable {
            var key: Key
            var text: [UInt8]
            var caseInsensitive: Bool
        }

        struct Draft {
            var existsBit = -1
            var direct: [DirectTest] = []
            var patterns: [PatternDatabase.Source] = []
            var patternBits: [Int] = []
            var minimumLengths: [Int] = []
            var patternPlaces: [Place] = []
        }

        let services: [String]
        let routes: [[String]]
        var rules: [CompiledRule] = []
        var nodes: [RuleNode] = []
        var bits = 0
        var drafts: [Key: Draft] = [:]
        var comparisons: [Comparison: Int] = [:]
        var order: [Key] = []
        var rates: [RateCondition] = []
        var problems: [Problem] = []

        init(services: [String], routes: [[String]]) {
            self.services = services
            self.routes = routes
        }

        mutating func add(_ rule: Rule) {
            var scope: [Int] = []
            for name in rule.services {
                if let index = services.firstIndex(of: name) {
                    scope.append(index)
                } else {
                    problems.append(
                        Problem(
                            rule.place, "rule \"\(rule.id)\" names an unknown service \"\(name)\"",
                            hint: "services are: \(services.joined(separator: ", "))"))
                }
            }
            let root = nodes.count
            let first = rates.count
            append(withoutRates(rule.condition))
            let phases = rule.condition.phases
            let phase = phases.upperBound
            // A request is counted once, when everything is known.
            let span = first == rates.count ? phases : phase...phase
            if nodes.count > RuleCompiler.conditionLimit || rules.count >= Int(UInt16.max) {
                problems.append(Problem(rule.place, "too many rules or conditions"))
                return
            }
            if phase == .responseBody && rule.action != .block(status: 403)
                || phase == .responseBody && rule.mode == .block
            {
                problems.append(
                    Problem(
                        rule.place,
                        "rule \"\(rule.id)\" looks at the response body, which is already on its way when it is known",
                        hint: "set mode: monitor"))
            }
            if phase >= .responseHead && rule.action.isPassing {
                problems.append(
                    Problem(
                        rule.place,
                        "rule \"\(rule.id)\" looks at the answer, when the request can no longer be delayed or flagged",
                        hint: "actions on an answer are block, redirect, respond and close"))
            }
            rules.append(
                CompiledRule(
                    id: Array(rule.id.utf8), name: rule.name, mode: rule.mode, isSilent: rule.isSilent, tags: rule.tags,
                    action: rule.action,
                    captures: rule.captures.map { (tag: Array($0.tag.utf8), subject: $0.subject) },
                    expires: rule.expires ?? .max, services: scope, span: span, root: root,
                    rates: first..<rates.count,
                    scope: RuleScope(rule: Array(rule.id.utf8), routes: numbers(of: rule), percent: rule.percent),
                    wait: rule.wait))
        }

        /// The login routes that a rule speaks of; nil: it speaks of every request.
        private mutating func numbers(of rule: Rule) -> [Int]? {
            if rule.routes.isEmpty { return nil }
            var numbers: [Int] = []
            for name in rule.routes {
                var found: [Int] = []
                for (service, names) in routes.enumerated() {
                    for (route, known) in names.enumerated()
                    where name == known || name == "\(services[service])/\(known)" {
                        found.append(RuleCompiler.routeNumber(service: service, route: route))
                    }
                }
                if found.isEmpty {
                    let known = routes.flatMap { $0 }
                    problems.append(
                        Problem(
                            rule.place, "rule \"\(rule.id)\" names an unknown login route \"\(name)\"",
                            hint: known.isEmpty
                                ? "there are none" : "login routes are: \(known.joined(separator: ", "))"))
                }
                numbers += found
            }
            return numbers
        }

        mutating func findDuplicates(_ rules: [Rule]) {
            var seen: [String: Place] = [:]
            for rule in rules where !rule.isVariant {
                if let first = seen[rule.id] {
                    problems.append(
                        Problem(
                            rule.place, "rule id \"\(rule.id)\" is used twice",
                            hint: "first at \(first.file):\(first.line)"))
                }
                seen[rule.id] = rule.place
            }
        }

        /// Takes the counters out of the conditions that all must hold.
        private mutating func withoutRates(_ condition: Condition) -> Condition {
            switch condition {
            case .rate(let rate, _):
                rates.append(rate)
                return .all([])
            case .all(let parts):
                var rest: [Condition] = []
                for part in parts {
                    switch part {
                    case .rate: _ = withoutRates(part)
                    // Conditions that all hold, one in the other, are one list.
                    case .all: rest.append(withoutRates(part))
                    case .any, .not, .test: rest.append(part)
                    }
                }
                return .all(rest)
            case .any, .not, .test: return condition
            }
        }

        /// Appends the condition's nodes in the order of writing.
        mutating func append(_ condition: Condition) {
            let own = nodes.count
            switch condition {
            case .all(let children), .any(let children):
                var kind = RuleNode.Kind.any
                if case .all = condition { kind = .all }
                nodes.append(RuleNode(kind: kind, bit: 0, end: 0))
                for child in children { append(child) }
            case .not(let child):
                nodes.append(RuleNode(kind: .not, bit: 0, end: 0))
                append(child)
            case .test(let test): appendTest(test)
            case .rate(_, let place):
                nodes.append(RuleNode(kind: .any, bit: 0, end: 0))
                problems.append(
                    Problem(
                        place, "a rate stands directly in \"when\", not inside any or not",
                        hint: "what stands beside it says which requests are counted"))
            }
            nodes[own].end = Int32(nodes.count)
        }

        private mutating func appendTest(_ test: Test) {
            if case .exists(let wanted) = test.matcher, !wanted {
                nodes.append(RuleNode(kind: .not, bit: 0, end: Int32(nodes.count + 2)))
            }
            nodes.append(RuleNode(kind: .test, bit: Int32(bit(for: test)), end: Int32(nodes.count + 1)))
        }

        private mutating func newBit() -> Int {
            bits += 1
            return bits - 1
        }

        /// The bit of one test; the same for equal comparisons, as many rules begin with one method.
        private mutating func bit(for test: Test) -> Int {
            let key = Key(subject: test.subject, transforms: test.transforms, filter: test.filter)
            if drafts[key] == nil {
                drafts[key] = Draft()
                order.append(key)
            }
            let bit: Int
            if case .exists = test.matcher {
                bit = drafts[key].flatMap { $0.existsBit >= 0 ? $0.existsBit : nil } ?? newBit()
                drafts[key]?.existsBit = bit
                return bit
            }
            let fold = test.caseInsensitive
            if case .equals(let bytes) = test.matcher {
                let comparison = Comparison(key: key, text: bytes, caseInsensitive: fold)
                if let known = comparisons[comparison] { return known }
                bit = newBit()
                comparisons[comparison] = bit
            } else {
                bit = newBit()
            }
            func text(_ bytes: [UInt8]) -> [UInt8] { fold ? bytes.map { ByteSearch.lowercased($0) } : bytes }
            func direct(_ kind: DirectTest.Kind) {
                drafts[key]?.direct.append(DirectTest(kind: kind, caseInsensitive: fold, bit: bit))
            }
            switch test.matcher {
            case .exists: break
            case .equals(let bytes):
                if test.subject.isAddress, let prefix = addressList([bytes], test.place) {
                    direct(prefix)
                } else {
                    direct(.equals(text(bytes)))
                }
            case .oneOf(let list):
                if test.subject.isAddress, let set = addressList(list, test.place) {
                    direct(set)
                } else {
                    direct(.oneOf(ByteStrings(list, foldsCase: fold)))
                }
            case .prefix(let bytes): direct(.prefix(text(bytes)))
            case .suffix(let bytes): direct(.suffix(text(bytes)))
            case .greater(let limit): direct(.greater(limit))
            case .less(let limit): direct(.less(limit))
            case .ip(let prefixes): direct(.network(IPPrefixSet(prefixes)))
            case .number(let number, let delta): direct(.number(number, within: delta))
            case .listed(let entries): direct(.listed(ExpiringTexts(entries)))
            case .listedNetwork(let entries): direct(.listedNetwork(ExpiringNetworks(entries)))
            case .sqlInjection: direct(.sqlInjection)
            case .scriptInjection: direct(.scriptInjection)
            case .contains(let bytes): pattern(key, RuleCompiler.quote(bytes), bit, test)
            case .regex(let expression): pattern(key, expression, bit, test)
            case .phrases(let phrases, let wholeWords):
                for phrase in phrases { pattern(key, RuleCompiler.quote(phrase, asWord: wholeWords), bit, test) }
            }
            return bit
        }

        private mutating func addressList(_ texts: [[UInt8]], _ place: Place) -> DirectTest.Kind? {
            var prefixes: [IPPrefix] = []
            for text in texts {
                let string = String(decoding: text, as: UTF8.self)
                if let prefix = IPPrefix(string) {
                    prefixes.append(prefix)
                } else {
                    problems.append(Problem(place, "\"\(string)\" is not an address or network"))
                }
            }
            return .network(IPPrefixSet(prefixes))
        }

        private mutating func pattern(_ key: Key, _ expression: String, _ bit: Int, _ test: Test) {
            drafts[key]?.patterns.append(
                PatternDatabase.Source(expression: expression, caseInsensitive: test.caseInsensitive))
            drafts[key]?.patternBits.append(bit)
            drafts[key]?.minimumLengths.append(test.minimumLength)
            drafts[key]?.patternPlaces.append(test.place)
        }

        mutating func finishInputs() -> [RuleInput] {
            var inputs: [RuleInput] = []
            for key in order {
                guard let draft = drafts[key] else { continue }
                var database: PatternDatabase?
                if !draft.patterns.isEmpty { database = compile(draft) }
                inputs.append(
                    RuleInput(
                        subject: key.subject, known: Self.knownField(key.subject), transforms: key.transforms,
                        filter: key.filter, existsBit: draft.existsBit, direct: DirectTests(draft.direct),
                        database: database, patternBits: draft.patternBits, minimumLengths: draft.minimumLengths))
            }
            return inputs.enumerated().sorted { left, right in
                left.element.subject.phase == right.element.subject.phase
                    ? left.offset < right.offset : left.element.subject.phase < right.element.subject.phase
            }.map(\.element)
        }

        private static func knownField(_ subject: Subject) -> FieldName {
            switch subject {
            case .header(let name): FieldName.recognise(name.span)
            case .cookie: .cookie
            default: .other
            }
        }

        /// Every expression that does not compile is told, so the bad ones are taken out one by one.
        private mutating func compile(_ draft: Draft) -> PatternDatabase? {
            var isGood = true
            for (index, source) in draft.patterns.enumerated() {
                do throws(PatternError) {
                    _ = try Pattern(source.expression, caseInsensitive: source.caseInsensitive)
                } catch {
                    isGood = false
                    problems.append(
                        Problem(
                            draft.patternPlaces[index], "regular expression: \(error.message)",
                            hint: "the syntax is RE2's: no look-around, no back-references"))
                }
            }
            return isGood ? try? PatternDatabase(draft.patterns) : nil
        }
    }

    /// The expression that matches exactly these bytes. `asWord`: not joined to another letter, digit or underscore.
    static func quote(_ bytes: [UInt8], asWord: Bool = false) -> String {
        func border(_ byte: UInt8?) -> String {
            guard asWord, let byte, ByteClass.isAlphanumeric(byte) || byte == UInt8(ascii: "_") else { return "" }
            return "\\b"
        }
        var out = border(bytes.first)
        for byte in bytes {
            switch byte {
            case 48...57, 65...90, 97...122: out.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = Array("0123456789abcdef")
                out += "\\x" + String(digits[Int(byte >> 4)]) + String(digits[Int(byte & 15)])
            }
        }
        return out + border(bytes.last)
    }
}
