// SPDX-License-Identifier: Apache-2.0
import Rules
import Wire

/// Which rules an override or exclusion speaks of: by id, or by tags that all must be there.
struct DatadogTargets {
    private var ids: Set<String> = []
    private var tags: [[(String, String)]] = []
    /// Nothing is named.
    private(set) var isEverything = true

    /// `node` is a list of targets; nil: every rule.
    init(_ node: DocumentNode?, _ context: ReadingContext) {
        guard let node else { return }
        isEverything = false
        guard let list = node.list else {
            context.report(node.place, "\"rules_target\" must be a list")
            return
        }
        for target in list {
            if let id = (target["rule_id"] ?? target["id"])?.string {
                ids.insert(id)
            } else if let members = target["tags"]?.members, !members.isEmpty {
                tags.append(members.map { ($0.key, $0.value.scalarText ?? "") })
            } else {
                context.report(target.place, "a target needs \"rule_id\" or \"tags\"")
            }
        }
    }

    init(id: String) {
        ids = [id]
        isEverything = false
    }

    func hold(_ id: String, _ own: [(String, String)]) -> Bool {
        if isEverything || ids.contains(id) { return true }
        return tags.contains { wanted in wanted.allSatisfy { tag in own.contains { $0 == tag } } }
    }
}

/// One entry of "rules_override".
struct DatadogOverride {
    let targets: DatadogTargets
    let isEnabled: Bool?
    let actions: [DocumentNode]?
    let tags: [(String, String)]

    init?(_ node: DocumentNode, _ context: ReadingContext) {
        if let id = node["id"]?.string, node["rules_target"] == nil {
            targets = DatadogTargets(id: id)
        } else if node["rules_target"] != nil {
            targets = DatadogTargets(node["rules_target"], context)
        } else {
            context.report(node.place, "an override needs \"rules_target\" or \"id\"")
            return nil
        }
        isEnabled = node["enabled"]?.boolean
        actions = node["on_match"]?.list
        tags = (node["tags"]?.members ?? []).map { ($0.key, $0.value.scalarText ?? "") }
    }
}

/// "exclusions": what takes rules out, or parts of what they look at, always or while something holds.
struct DatadogExclusions {
    private enum Effect {
        case bypass, monitor
        case act(RuleAction)
        case withoutInputs([DatadogConditions.ExcludedPath])
    }

    private struct Exclusion {
        var targets: DatadogTargets
        /// nil: always.
        var condition: Condition?
        var effect: Effect
    }

    /// Conditional exclusions of inputs that one rule may have: each doubles its condition.
    private static let conditionalLimit = 4

    private var exclusions: [Exclusion] = []
    private let draft: DatadogDraft

    init(_ draft: DatadogDraft, _ conditions: DatadogConditions, _ actions: DatadogActions) {
        self.draft = draft
        for node in draft.exclusions {
            if let exclusion = Self.read(node, draft, conditions, actions) { exclusions.append(exclusion) }
        }
    }

    private static func read(
        _ node: DocumentNode, _ draft: DatadogDraft, _ conditions: DatadogConditions, _ actions: DatadogActions
    ) -> Exclusion? {
        if node["id"]?.string == nil { draft.context.report(node.place, "an exclusion needs \"id\"") }
        if node["rules_target"] == nil && node["conditions"] == nil && node["inputs"] == nil {
            draft.context.report(node.place, "an exclusion needs \"rules_target\", \"conditions\" or \"inputs\"")
            return nil
        }
        var condition: Condition?
        if let list = node["conditions"], list.list?.isEmpty != true {
            condition = conditions.readAll(list, at: node.place, transforms: [])
            // It asks for what a proxy does not see, and so never holds.
            if condition == nil { return nil }
        }
        var effect = Effect.bypass
        if let inputs = node["inputs"] {
            effect = .withoutInputs(
                (inputs.list ?? []).compactMap { input in
                    guard let address = input["address"]?.string else {
                        draft.context.report(input.place, "an input needs \"address\"")
                        return nil
                    }
                    return .init(address: address, path: draft.path(input["key_path"], draft.context))
                })
        } else if let name = node["on_match"], name.string != "bypass" {
            if name.string == "monitor" {
                effect = .monitor
            } else {
                effect = actions.action([name]).map { .act($0) } ?? .monitor
            }
        }
        return Exclusion(
            targets: DatadogTargets(node["rules_target"], draft.context), condition: condition, effect: effect)
    }

    /// What is left of a rule: nothing, itself, or several rules of the same id that exclude one another. `condition` reads the rule's own
    /// condition without some parts of its inputs.
    func parts(of rule: Rule, condition: ([DatadogConditions.ExcludedPath]) -> Condition?) -> [Rule] {
        let own = exclusions.filter { $0.targets.hold(rule.id, rule.tags) }
        var always: [DatadogConditions.ExcludedPath] = []
        var sometimes: [(Condition, [DatadogConditions.ExcludedPath])] = []
        for exclusion in own {
            guard case .withoutInputs(let paths) = exclusion.effect else { continue }
            if let holds = exclusion.condition { sometimes.append((holds, paths)) } else { always += paths }
        }
        if sometimes.count > Self.conditionalLimit {
            draft.context.report(rule.place, "more than \(Self.conditionalLimit) conditional exclusions of inputs")
            return []
        }
        guard let whole = without(always, sometimes[...], condition) else { return [] }
        return filtered(rule, whole, own)
    }

    private func without(
        _ paths: [DatadogConditions.ExcludedPath],
        _ sometimes: ArraySlice<(Condition, [DatadogConditions.ExcludedPath])>,
        _ condition: ([DatadogConditions.ExcludedPath]) -> Condition?
    ) -> Condition? {
        guard let (holds, more) = sometimes.first else { return condition(paths) }
        let rest = sometimes.dropFirst()
        var cases: [Condition] = []
        if let reduced = without(paths + more, rest, condition) { cases.append(.all([holds, reduced])) }
        if let full = without(paths, rest, condition) { cases.append(.all([.not(holds), full])) }
        return cases.isEmpty ? nil : .any(cases)
    }

    private func filtered(_ rule: Rule, _ condition: Condition, _ own: [Exclusion]) -> [Rule] {
        var rest = rule
        rest.condition = condition
        var parts: [Rule] = []
        func rank(_ effect: Effect) -> Int {
            switch effect {
            case .bypass: 0
            case .monitor: 1
            case .act, .withoutInputs: 2
            }
        }
        for exclusion in own.sorted(by: { rank($0.effect) < rank($1.effect) }) {
            if case .withoutInputs = exclusion.effect { continue }
            // What becomes known only after the rule was decided excludes nothing.
            if let holds = exclusion.condition, holds.phases.lowerBound > rest.condition.phases.upperBound {
                draft.notes.count("an exclusion that is known after rule \(rule.id)", rule.place)
                continue
            }
            var part = rest
            if let holds = exclusion.condition { part.condition = .all([holds, rest.condition]) }
            switch exclusion.effect {
            case .bypass, .withoutInputs: break
            case .monitor:
                part.mode = .monitor
                parts.append(part)
            case .act(let action):
                part.mode = .block
                part.action = action
                parts.append(part)
            }
            guard let holds = exclusion.condition else { return named(parts) }
            rest.condition = .all([rest.condition, .not(holds)])
        }
        return named(parts + [rest])
    }

    private func named(_ parts: [Rule]) -> [Rule] {
        parts.enumerated().map { number, part in
            var part = part
            part.isVariant = number > 0
            return part
        }
    }
}
