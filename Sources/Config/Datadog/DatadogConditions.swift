// SPDX-License-Identifier: Apache-2.0
import Rules
import Wire

/// Reads the conditions of rules, exclusions and processors.
struct DatadogConditions {
    /// Parts of inputs that one rule does not look at, by their address.
    struct ExcludedPath {
        var address: String
        var path: [DatadogAddress.Step]
    }

    let draft: DatadogDraft
    let context: ReadingContext

    /// All must hold. nil: they never can, as they ask for what a proxy does not see, or something is wrong with them and reported.
    func readAll(
        _ node: DocumentNode?, at place: Place, transforms: [DocumentNode], excluding: [ExcludedPath] = []
    ) -> Condition? {
        guard let list = node?.list, !list.isEmpty else {
            context.report(node?.place ?? place, "\"conditions\" must be a list of at least one")
            return nil
        }
        let parts = list.map { read($0, transforms, excluding) }
        return parts.contains { $0 == nil } ? nil : .all(parts.compactMap { $0 })
    }

    private func read(_ node: DocumentNode, _ transforms: [DocumentNode], _ excluding: [ExcludedPath]) -> Condition? {
        guard let name = node["operator"]?.string else {
            context.report(node.place, "a condition needs \"operator\"")
            return nil
        }
        guard let parameters = node["parameters"] else {
            context.report(node.place, "a condition needs \"parameters\"")
            return nil
        }
        let versionless = name.split(separator: "@")[0]
        let isNegated = versionless.hasPrefix("!")
        let word = String(isNegated ? versionless.dropFirst() : versionless)
        if DatadogOperators.ofApplications.contains(word) {
            draft.notes.count("operator \(word)", node.place)
            return nil
        }
        guard let inputs = parameters["inputs"]?.list, !inputs.isEmpty else {
            context.report(parameters.place, "a condition needs \"inputs\"")
            return nil
        }
        guard
            let asked = DatadogOperators(data: draft.data, context: context).read(
                word, parameters, at: node["operator"]?.place ?? node.place)
        else { return nil }
        let parts = inputs.flatMap { input -> [Condition] in
            let own = input["transformers"]?.list ?? transforms
            return values(of: input, own, excluding).compactMap {
                condition(asked, isNegated: isNegated, $0)
            }
        }
        return parts.isEmpty ? nil : parts.count == 1 ? parts[0] : .any(parts)
    }

    /// One thing to look at.
    private struct Values {
        var subject: Subject
        var transforms: [Transform]
        var excluded: [[[UInt8]]]
        /// Whether its address is there in every exchange.
        var isAlwaysThere: Bool
        /// The address as a whole, for "there, but not this part of it".
        var whole: Subject?
        var place: Place
    }

    private func values(
        of input: DocumentNode, _ transforms: [DocumentNode], _ excluding: [ExcludedPath]
    ) -> [Values] {
        guard let address = input["address"]?.string else {
            context.report(input.place, "an input needs \"address\"")
            return []
        }
        let path = draft.path(input["key_path"], context)
        var keysOnly = false
        var chain: [Transform] = []
        for node in transforms {
            switch DatadogOperators.transform(node, context) {
            case .keysOnly: keysOnly = true
            case .valuesOnly: keysOnly = false
            case .transform(let transform): chain.append(transform)
            case nil: break
            }
        }
        if !DatadogAddress.isKnown(address, draft.outputs) {
            draft.notes.count("address \(address)", input["address"]?.place ?? input.place)
            return []
        }
        var excluded: [[[UInt8]]] = []
        for entry in excluding where entry.address == address {
            let isWhole = zip(entry.path, path).allSatisfy { $0 == $1 || $0 == .key("*") }
            // The exclusion takes the input, or something that holds it.
            if entry.path.count <= path.count && isWhole { return [] }
            if isWhole { excluded.append(entry.path.map(\.bytes)) }
        }
        let whole = DatadogAddress.subjects(address, [], keysOnly: false, outputs: draft.outputs).first
        return DatadogAddress.subjects(address, path, keysOnly: keysOnly, outputs: draft.outputs).map {
            Values(
                subject: $0, transforms: chain, excluded: excluded,
                isAlwaysThere: DatadogAddress.isAlwaysThere(address), whole: whole, place: input.place)
        }
    }

    private func condition(
        _ asked: DatadogOperators.Question, isNegated: Bool, _ values: Values
    ) -> Condition? {
        func test(_ matcher: Matcher, _ kinds: ValueFilter.Kinds) -> Condition {
            .test(
                Test(
                    subject: values.subject, transforms: values.transforms, matcher: matcher,
                    caseInsensitive: asked.caseInsensitive,
                    filter: ValueFilter(kinds: kinds, excluded: values.excluded), minimumLength: asked.minimumLength,
                    place: values.place))
        }
        if case .exists = asked.matcher {
            let found = test(.exists(true), .any)
            if !isNegated { return found }
            if values.isAlwaysThere { return .not(found) }
            guard let whole = values.whole else { return nil }
            let there = Test(
                subject: whole, transforms: [], matcher: .exists(true), caseInsensitive: false, place: values.place)
            return .all([.test(there), .not(found)])
        }
        let found = test(asked.matcher, asked.kinds)
        if !isNegated { return found }
        // Datadog's negation speaks of values that are there.
        return .all([test(.exists(true), asked.kinds), .not(found)])
    }
}
