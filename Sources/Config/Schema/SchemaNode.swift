// SPDX-License-Identifier: Apache-2.0

/// What the reader asks of one place of a file, noted while it reads nothing: the source of the JSON Schema. A tree, owned by
/// `Schema` while it is made.
final class SchemaNode {
    /// A single value.
    enum Scalar: Hashable {
        case text, duration, size, rate, boolean
        case integer(ClosedRange<Int>)
        case oneOf([String])
    }

    var scalars: Set<Scalar> = []
    /// A list of single values, or one of them.
    var isTextList = false
    /// Whatever YAML can say.
    var isAnything = false
    /// The keys of a mapping; nil: it is none.
    var fields: [String: SchemaNode]?
    /// Keys that must be there.
    var required: Set<String> = []
    /// Other keys may stand there, too.
    var isOpen = false
    /// What those other keys hold; nil: a single value.
    var others: SchemaNode?
    /// What a list holds.
    var items: SchemaNode?

    func field(_ key: String) -> SchemaNode {
        if let known = fields?[key] { return known }
        let node = SchemaNode()
        if fields == nil { fields = [:] }
        fields?[key] = node
        return node
    }

    /// The mapping behind `key`.
    func section(_ key: String) -> SchemaNode {
        let node = field(key)
        if node.fields == nil { node.fields = [:] }
        return node
    }

    /// One entry of the list behind `key`.
    func entry(_ key: String) -> SchemaNode {
        let node = field(key)
        let entry = node.items ?? SchemaNode()
        if entry.fields == nil { entry.fields = [:] }
        node.items = entry
        return entry
    }

    /// Takes in what another way through the reader asked. A key that one way does not need is not needed.
    func merge(_ other: SchemaNode) {
        scalars.formUnion(other.scalars)
        isTextList = isTextList || other.isTextList
        isAnything = isAnything || other.isAnything
        isOpen = isOpen || other.isOpen
        if fields != nil && other.fields != nil {
            required.formIntersection(other.required)
        } else {
            required.formUnion(other.required)
        }
        if let others = other.fields {
            if fields == nil { fields = [:] }
            for (key, node) in others {
                if let known = fields?[key] { known.merge(node) } else { fields?[key] = node }
            }
        }
        if let others, let more = other.others { others.merge(more) } else { others = others ?? other.others }
        if let items, let others = other.items { items.merge(others) } else { items = items ?? other.items }
    }

    /// Every place with a choice, as "path" and its words. A list's entries are "path[]".
    func choices(_ path: String = "") -> [(path: String, words: [String])] {
        var found: [(path: String, words: [String])] = []
        for case .oneOf(let words) in scalars { found.append((path, words)) }
        for (key, node) in fields ?? [:] { found += node.choices(path.isEmpty ? key : "\(path).\(key)") }
        if let items { found += items.choices("\(path)[]") }
        if let others { found += others.choices("\(path).*") }
        return found
    }

    /// Every key with its path, "services[].name" for one.
    func paths(_ path: String = "") -> [String] {
        var found: [String] = []
        for (key, node) in fields ?? [:] {
            let name = path.isEmpty ? key : "\(path).\(key)"
            found.append(name)
            found += node.paths(name)
        }
        if let items { found += items.paths("\(path)[]") }
        return found
    }
}
