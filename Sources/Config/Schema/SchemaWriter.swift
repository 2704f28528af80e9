// SPDX-License-Identifier: Apache-2.0
import Rules
import Wire

/// Writes a tree of `SchemaNode` as JSON Schema, draft 2020-12. A value; one use.
struct SchemaWriter {
    let title: String
    let root: SchemaNode
    /// What may be asked of a subject; then `when` holds conditions. nil: there are none.
    let conditions: SchemaNode?
    /// What may be said of a counter among them.
    let rate: SchemaNode?
    private var json = JSONWriter()

    /// What stands in place of any value.
    private static let variable = "\\$\\{env:"

    init(title: String, root: SchemaNode, conditions: SchemaNode?, rate: SchemaNode? = nil) {
        self.rate = rate
        self.title = title
        self.root = root
        self.conditions = conditions
    }

    mutating func write() -> [UInt8] {
        json.beginObject()
        pair("$schema", "https://json-schema.org/draft/2020-12/schema")
        pair("title", title)
        fields(root)
        if let conditions { definitions(conditions) }
        json.endObject()
        return json.bytes + [10]
    }

    private mutating func key(_ name: String) { json.key(Array(name.utf8).span) }

    private mutating func pair(_ name: String, _ value: String) {
        key(name)
        json.string(value)
    }

    private mutating func object(_ write: (inout SchemaWriter) -> Void) {
        json.beginObject()
        write(&self)
        json.endObject()
    }

    /// The words of a mapping, inside an object that is open.
    private mutating func fields(_ node: SchemaNode) {
        pair("type", "object")
        key("properties")
        json.beginObject()
        for (name, field) in (node.fields ?? [:]).sorted(by: { $0.key < $1.key }) {
            key(name)
            if conditions != nil && name == "when" { reference("conditions") } else { value(field) }
        }
        json.endObject()
        if !node.required.isEmpty {
            key("required")
            json.beginArray()
            for name in node.required.sorted() { json.string(name) }
            json.endArray()
        }
        key("additionalProperties")
        if let others = node.others {
            value(others)
        } else if node.isOpen {
            object { $0.text() }
        } else {
            json.boolean(false)
        }
    }

    private mutating func value(_ node: SchemaNode) {
        var forms: [(inout SchemaWriter) -> Void] = []
        if node.isAnything {
            object { _ in }
            return
        }
        for scalar in node.scalars.sorted(by: { "\($0)" < "\($1)" }) {
            // A key that is also a choice is not just any text.
            if scalar == .text && node.scalars.count > 1 { continue }
            forms.append { writer in writer.object { $0.scalar(scalar) } }
        }
        if node.isTextList {
            forms.append { writer in writer.object { $0.text() } }
            forms.append { writer in
                writer.object {
                    $0.pair("type", "array")
                    $0.key("items")
                    $0.object { $0.text() }
                }
            }
        }
        if node.fields != nil { forms.append { writer in writer.object { $0.fields(node) } } }
        if let items = node.items {
            forms.append { writer in
                writer.object {
                    $0.pair("type", "array")
                    $0.key("items")
                    $0.value(items)
                }
            }
        }
        if forms.count == 1 {
            forms[0](&self)
            return
        }
        object { writer in
            if forms.isEmpty { return }
            writer.key("anyOf")
            writer.json.beginArray()
            for form in forms { form(&writer) }
            writer.json.endArray()
        }
    }

    // MARK: Single values, inside an object that is open

    /// Texts need no quotes in YAML, so that one may look like a number.
    private mutating func text() {
        key("type")
        json.beginArray()
        for type in ["string", "number", "boolean"] { json.string(type) }
        json.endArray()
    }

    private mutating func scalar(_ scalar: SchemaNode.Scalar) {
        switch scalar {
        case .text: text()
        case .duration: pattern("^[0-9]+ *(ms|s|m|h|d)$")
        case .rate: pattern("^[0-9]+ */ *[0-9]*(ms|s|m|h|d)$")
        case .size: pattern("^[0-9]+ *([KMG]iB|[kKMG]?B)$")
        case .boolean: either("^(true|false|yes|no|on|off)$") { $0.pair("type", "boolean") }
        case .integer(let range):
            either("^-?[0-9]+$") {
                $0.pair("type", "integer")
                $0.key("minimum")
                $0.json.number(Int64(range.lowerBound))
                $0.key("maximum")
                $0.json.number(Int64(range.upperBound))
            }
        case .oneOf(let words):
            either(nil) {
                $0.key("enum")
                $0.json.beginArray()
                for word in words { $0.json.string(word) }
                // YAML 1.1 takes these words for Booleans, and numbers for numbers.
                if words.contains("off") { $0.json.boolean(false) }
                for number in words.compactMap(Int64.init) { $0.json.number(number) }
                $0.json.endArray()
            }
        }
    }

    private mutating func pattern(_ expression: String) {
        pair("type", "string")
        pair("pattern", "\(expression)|\(Self.variable)")
    }

    /// A value with a type of its own, or a text that stands for one.
    private mutating func either(_ expression: String?, _ typed: (inout SchemaWriter) -> Void) {
        key("anyOf")
        json.beginArray()
        object(typed)
        object {
            $0.pair("type", "string")
            $0.pair("pattern", expression.map { "\($0)|\(Self.variable)" } ?? Self.variable)
        }
        json.endArray()
    }

    // MARK: Conditions of rules

    private mutating func reference(_ name: String) {
        object { $0.pair("$ref", "#/$defs/\(name)") }
    }

    private mutating func definitions(_ test: SchemaNode) {
        key("$defs")
        object { writer in
            writer.key("conditions")
            writer.object {
                $0.key("anyOf")
                $0.json.beginArray()
                $0.reference("condition")
                $0.object {
                    $0.pair("type", "array")
                    $0.key("items")
                    $0.reference("condition")
                }
                $0.json.endArray()
            }
            writer.key("test")
            writer.object {
                $0.key("anyOf")
                $0.json.beginArray()
                $0.object { $0.text() }
                $0.object { $0.fields(test) }
                $0.json.endArray()
            }
            if let rate = writer.rate {
                writer.key("rate")
                writer.object { $0.fields(rate) }
            }
            writer.key("condition")
            writer.object { $0.condition() }
        }
    }

    private mutating func condition() {
        pair("type", "object")
        key("minProperties")
        json.number(1)
        key("properties")
        object { writer in
            for word in ["all", "any", "not"] {
                writer.key(word)
                writer.reference("conditions")
            }
            if writer.rate != nil {
                writer.key("rate")
                writer.reference("rate")
            }
            for subject in Subject.plain.keys.sorted() {
                writer.key(subject)
                writer.reference("test")
            }
        }
        key("patternProperties")
        object { writer in
            writer.key("^(request\\.(header|query|cookie|body)|response\\.(header|body)|fingerprint)\\.")
            writer.reference("test")
        }
        key("additionalProperties")
        json.boolean(false)
    }
}
