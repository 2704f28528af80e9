// SPDX-License-Identifier: Apache-2.0
import Rules
import Wire

/// What gathers from all files of Datadog's format before rules are made of it: lists, overrides and exclusions of one file speak of the rules of
/// all. Owned by one reading of a configuration.
final class DatadogDraft {
    let context: ReadingContext
    let data: DatadogLists
    let notes = DatadogNotes()
    /// Addresses that processors put out.
    private(set) var outputs = DatadogAddress.fingerprints
    private(set) var rules: [(node: DocumentNode, isCustom: Bool)] = []
    private(set) var overrides: [DocumentNode] = []
    private(set) var exclusions: [DocumentNode] = []
    private(set) var actions: [DocumentNode] = []

    init(_ context: ReadingContext) {
        self.context = context
        data = DatadogLists(context)
    }

    /// Whether a file says that it is of this format, version 2.
    static func isRuleset(_ node: DocumentNode) -> Bool {
        guard let version = node["version"]?.scalarText else { return false }
        return version == "2" || version.hasPrefix("2.")
    }

    func take(_ document: DocumentNode) {
        for member in document.members {
            let list = member.value.list ?? []
            switch member.key {
            case "version", "metadata": continue
            case "rules", "rules_compat": rules += list.map { ($0, false) }
            case "custom_rules": rules += list.map { ($0, true) }
            case "rules_data", "exclusion_data": list.forEach(data.take)
            case "rules_override": overrides += list
            case "exclusions": exclusions += list
            case "actions": actions += list
            case "processors": list.forEach(takeProcessor)
            case "processor_overrides", "scanners", "obfuscator":
                notes.count("section \(member.key)", member.place)
                continue
            default:
                context.report(
                    member.place, "unknown section \"\(member.key)\" of a ruleset",
                    hint: Units.nearest(to: member.key, in: Self.sections).map { "did you mean \"\($0)\"?" })
                continue
            }
            if member.value.list == nil { context.report(member.value.place, "\"\(member.key)\" must be a list") }
        }
    }

    private static let sections = [
        "version", "metadata", "rules", "rules_compat", "custom_rules", "rules_data", "exclusion_data",
        "rules_override", "exclusions", "actions", "processors", "processor_overrides", "scanners", "obfuscator",
    ]

    /// Fingerprints have subjects; what other processors put out, a proxy does not know.
    private func takeProcessor(_ node: DocumentNode) {
        guard let generator = node["generator"]?.string else {
            context.report(node.place, "a processor needs \"generator\"")
            return
        }
        guard let subject = DatadogAddress.generators[generator] else {
            notes.count("processor \(generator)", node.place)
            return
        }
        for mapping in node["parameters"]?["mappings"]?.list ?? [] {
            if let output = mapping["output"]?.string { outputs[output] = subject }
        }
    }

    /// A key path; a wrong step is a problem.
    func path(_ node: DocumentNode?, _ context: ReadingContext) -> [DatadogAddress.Step] {
        guard let node else { return [] }
        guard let list = node.list else {
            context.report(node.place, "\"key_path\" must be a list of keys and places")
            return []
        }
        return list.compactMap { step in
            if let key = step.string { return .key(key) }
            if let place = step.integer { return .place(Int(clamping: place)) }
            context.report(step.place, "a step of a key path is a text or a whole number")
            return nil
        }
    }
}

/// What a ruleset has that a proxy cannot honour, counted, so that it is told once for each kind and not for each of a hundred rules.
final class DatadogNotes {
    private var counts: [String: (count: Int, place: Place)] = [:]

    func count(_ what: String, _ place: Place) { counts[what, default: (0, place)].count += 1 }

    /// As warnings, in the order of their places.
    func warnings() -> [Problem] {
        counts.sorted { ($0.value.place.line, $0.key) < ($1.value.place.line, $1.key) }.map { what, entry in
            let times = entry.count == 1 ? "once" : "\(entry.count) times"
            return .warning(
                entry.place, "\(what) is used \(times) and has no meaning in a proxy",
                hint: "what only an application knows is left out of the rules")
        }
    }
}

/// Lists that rules name: entries of one name from several files are one list.
final class DatadogLists {
    private let context: ReadingContext
    private var entries: [String: [(node: DocumentNode, expires: Int64)]] = [:]

    init(_ context: ReadingContext) { self.context = context }

    func take(_ node: DocumentNode) {
        guard let id = node["id"]?.string, let list = node["data"]?.list else {
            context.report(node.place, "a list needs \"id\" and \"data\"")
            return
        }
        let type = node["type"]?.string ?? ""
        if type != "ip_with_expiration" && type != "data_with_expiration" {
            context.report(
                node["type"]?.place ?? node.place, "unknown type of list \"\(type)\"",
                hint: "ip_with_expiration or data_with_expiration")
            return
        }
        for entry in list {
            guard let value = entry["value"], value.string != nil else {
                context.report(entry.place, "an entry of a list needs \"value\"")
                continue
            }
            // Nothing and 0 mean: never.
            let expires = entry["expiration"]?.integer ?? 0
            entries[id, default: []].append((value, expires == 0 ? .max : expires))
        }
    }

    /// A list that no file fills is empty: it may be filled later.
    func texts(_ id: String) -> [ListedText] {
        entries[id, default: []].map { ListedText(text: Array(($0.node.string ?? "").utf8), expires: $0.expires) }
    }

    func networks(_ id: String) -> [ListedNetwork] {
        entries[id, default: []].compactMap { entry in
            DatadogLists.network(entry.node, context).map { ListedNetwork(network: $0, expires: entry.expires) }
        }
    }

    /// Bits behind the prefix are cleared, as Datadog does.
    static func network(_ node: DocumentNode, _ context: ReadingContext) -> IPPrefix? {
        let text = node.scalarText ?? ""
        switch IPPrefix.parse(text) {
        case .success(let prefix), .failure(.hostBits(let prefix)): return prefix
        case .failure:
            context.report(node.place, "\"\(text)\" is not an address or network")
            return nil
        }
    }
}
