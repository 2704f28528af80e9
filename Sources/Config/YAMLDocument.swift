// SPDX-License-Identifier: Apache-2.0
import Wire
import Yams

/// A YAML file as nodes with places. Only composing is used: anchors and aliases, with which a small file becomes a huge one, are refused.
enum YAMLDocument {
    /// Nodes of one file.
    private static let nodeLimit = 2_000_000

    static func parse(_ bytes: [UInt8], file: String, _ context: ReadingContext) -> Node? {
        let text = String(decoding: bytes, as: UTF8.self)
        do {
            guard let node = try Yams.compose(yaml: text) else {
                context.report(Place(file: file, line: 1, column: 1), "the file is empty")
                return nil
            }
            var walk = Walk()
            return check(node, file, context, &walk) ? node : nil
        } catch let error as YamlError {
            report(error, file, context)
        } catch {
            context.report(Place(file: file), "\(error)")
        }
        return nil
    }

    /// What a walk over the nodes has seen.
    private struct Walk {
        var count = 0
        /// Places of mappings and lists: one that comes twice was brought back by an alias, which Yams puts in its place unseen.
        var mappings: Set<Place> = []
        var lists: Set<Place> = []
    }

    private static func check(_ node: Node, _ file: String, _ context: ReadingContext, _ walk: inout Walk) -> Bool {
        walk.count += 1
        if walk.count > nodeLimit {
            context.report(Place(file: file), "the file has too many values")
            return false
        }
        let place = YAMLSection.place(node, file)
        switch node {
        case .scalar: return true
        case .sequence(let list):
            if !walk.lists.insert(place).inserted { return refuseAlias(place, context) }
            for item in list where !check(item, file, context, &walk) { return false }
            return true
        case .mapping(let mapping):
            if !walk.mappings.insert(place).inserted { return refuseAlias(place, context) }
            for (key, value) in mapping {
                if !check(key, file, context, &walk) || !check(value, file, context, &walk) { return false }
            }
            return true
        case .alias: return refuseAlias(place, context)
        }
    }

    private static func refuseAlias(_ place: Place, _ context: ReadingContext) -> Bool {
        context.report(place, "anchors and aliases are not read", hint: "write the value out")
        return false
    }

    private static func report(_ error: YamlError, _ file: String, _ context: ReadingContext) {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            context.report(Place(file: file, line: mark.line, column: mark.column), "YAML: \(problem)")
        case .duplicatedKeysInMapping(let duplicates, let around):
            for key in duplicates {
                context.report(
                    Place(file: file, line: around.mark.line, column: around.mark.column),
                    "key \"\(key)\" stands twice in the mapping that begins here")
            }
        default: context.report(Place(file: file, line: 1, column: 1), "YAML: \(error)")
        }
    }
}
