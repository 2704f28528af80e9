// SPDX-License-Identifier: Apache-2.0
import Rules
import Wire

/// What the names in "on_match" stand for.
struct DatadogActions {
    private var known: [String: RuleAction?] = ["block": .block(status: 403), "monitor": nil]
    private let notes: DatadogNotes
    private let context: ReadingContext

    init(_ draft: DatadogDraft) {
        notes = draft.notes
        context = draft.context
        for node in draft.actions {
            guard let id = node["id"]?.string, let type = node["type"]?.string else {
                context.report(node.place, "an action needs \"id\" and \"type\"")
                continue
            }
            known[id] = .some(read(type, node))
        }
    }

    private func read(_ type: String, _ node: DocumentNode) -> RuleAction? {
        let parameters = node["parameters"]
        switch type {
        case "block_request":
            if let page = parameters?["type"]?.string, page != "auto" {
                notes.count("block_request with type \(page)", node.place)
            }
            return .block(status: status(parameters) ?? 403)
        case "redirect_request":
            let status = status(parameters).flatMap { [301, 302, 303, 307].contains($0) ? $0 : nil } ?? 303
            guard let location = parameters?["location"]?.string, isLocation(location) else {
                context.report(
                    parameters?["location"]?.place ?? node.place,
                    "a redirect needs \"location\", a path or an http or https URL")
                return nil
            }
            return .redirect(status: status, location: Array(location.utf8))
        default:
            notes.count("action \(type)", node.place)
            return nil
        }
    }

    /// Rulesets write it as a number or as a text.
    private func status(_ parameters: DocumentNode?) -> Int? {
        guard let node = parameters?["status_code"] else { return nil }
        if let status = node.scalarText.flatMap({ Int($0) }), (200...599).contains(status) { return status }
        context.report(node.place, "\"status_code\" must be a number from 200 to 599")
        return nil
    }

    private func isLocation(_ text: String) -> Bool {
        let isPlace = text.hasPrefix("/") || text.hasPrefix("http://") || text.hasPrefix("https://")
        return isPlace && text.utf8.allSatisfy { $0 > 32 && $0 < 127 }
    }

    /// The action that decides: a redirect before a block. nil: the rule only notes.
    func action(_ names: [DocumentNode]) -> RuleAction? {
        var found: RuleAction?
        for node in names {
            let name = node.string ?? ""
            if name == "stack_trace" || name == "extract_schema" {
                notes.count("action \(name)", node.place)
                continue
            }
            guard let entry = known[name] else {
                context.report(
                    node.place, "unknown action \"\(name)\"",
                    hint: "known: \(known.keys.sorted().joined(separator: ", "))")
                continue
            }
            guard let action = entry else { continue }
            if case .redirect = action { return action }
            found = found ?? action
        }
        return found
    }
}
