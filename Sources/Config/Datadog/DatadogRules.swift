// SPDX-License-Identifier: Apache-2.0
import Rules
import Wire

/// Makes rules of a draft: overrides first, then what exclusions leave of each.
struct DatadogRules {
    private let draft: DatadogDraft
    private let context: ReadingContext
    private let conditions: DatadogConditions
    private let actions: DatadogActions
    private let overrides: [DatadogOverride]
    private let exclusions: DatadogExclusions

    /// All rules in the order in which Datadog looks at them, and what a proxy could not honour.
    static func make(_ draft: DatadogDraft) -> (rules: [Rule], warnings: [Problem]) {
        let maker = DatadogRules(draft)
        let made = draft.rules.flatMap { maker.read($0.node, isCustom: $0.isCustom) }
        let sorted = made.enumerated().sorted { left, right in
            (left.element.rank, left.offset) < (right.element.rank, right.offset)
        }
        return (sorted.map(\.element.rule), draft.notes.warnings())
    }

    private init(_ draft: DatadogDraft) {
        self.draft = draft
        context = draft.context
        conditions = DatadogConditions(draft: draft, context: draft.context)
        actions = DatadogActions(draft)
        overrides = draft.overrides.compactMap { DatadogOverride($0, draft.context) }
        exclusions = DatadogExclusions(draft, conditions, actions)
    }

    private struct Made {
        var rule: Rule
        var rank: Int
    }

    /// Modules in their order; in each the blocking rules first, and custom rules before others, in access lists behind them.
    private static func rank(_ module: String, isBlocking: Bool, isCustom: Bool) -> Int {
        let modules = [
            "network-acl", "authentication-acl", "custom-acl", "configuration", "business-logic", "rasp", "waf",
        ]
        let number = modules.firstIndex(of: module) ?? modules.count - 1
        let customFirst = !(number < 2 || module == "rasp")
        return number * 4 + (isBlocking ? 0 : 2) + (isCustom == customFirst ? 0 : 1)
    }

    private func read(_ node: DocumentNode, isCustom: Bool) -> [Made] {
        guard let id = node["id"]?.string, !id.isEmpty else {
            context.report(node.place, "a rule needs \"id\"")
            return []
        }
        var tags = (node["tags"]?.members ?? []).compactMap { member -> (String, String)? in
            if let text = member.value.scalarText { return (member.key, text) }
            context.report(member.value.place, "a tag is a text")
            return nil
        }
        if !tags.contains(where: { $0.0 == "type" }) {
            context.report(node.place, "rule \"\(id)\" needs the tag \"type\"")
        }
        var isEnabled = node["enabled"]?.boolean ?? true
        var names = node["on_match"]?.list ?? []
        for override in overrides where override.targets.hold(id, tags) {
            isEnabled = override.isEnabled ?? isEnabled
            names = override.actions ?? names
            for tag in override.tags { tags = tags.filter { $0.0 != tag.0 } + [tag] }
        }
        let action = actions.action(names)
        var rule = Rule(
            id: id, name: node["name"]?.string ?? id, mode: action == nil ? .monitor : .block, services: [], tags: tags,
            condition: .all([]), action: action ?? .block(status: 403), captures: [], expires: nil,
            place: node["id"]?.place ?? node.place)
        readOutput(node["output"], into: &rule)
        let parts = exclusions.parts(of: rule) { excluding in
            conditions.readAll(
                node["conditions"], at: node.place, transforms: node["transformers"]?.list ?? [], excluding: excluding)
        }
        if parts.isEmpty && isEnabled { draft.notes.count("what rule \(id) looks at", rule.place) }
        if !isEnabled { return [] }
        let module = tags.first { $0.0 == "module" }?.1 ?? "waf"
        return parts.map {
            Made(rule: $0, rank: Self.rank(module, isBlocking: $0.mode == .block, isCustom: isCustom))
        }
    }

    /// Attributes: fixed ones become tags, the others store what stands somewhere.
    private func readOutput(_ node: DocumentNode?, into rule: inout Rule) {
        guard let node else { return }
        let attributes = node["attributes"]?.members ?? []
        for attribute in attributes {
            if let value = attribute.value["value"]?.scalarText {
                rule.tags.append((attribute.key, value))
                continue
            }
            guard let address = attribute.value["address"]?.string else {
                context.report(attribute.value.place, "an attribute needs \"value\" or \"address\"")
                continue
            }
            let path = draft.path(attribute.value["key_path"], context)
            let subjects = DatadogAddress.subjects(address, path, keysOnly: false, outputs: draft.outputs)
            if subjects.isEmpty { draft.notes.count("address \(address)", attribute.place) }
            for subject in subjects { rule.captures.append((attribute.key, subject)) }
        }
        if node["event"]?.boolean == false {
            if attributes.isEmpty { context.report(node.place, "a rule without event needs attributes") }
            rule.isSilent = true
        }
    }
}
