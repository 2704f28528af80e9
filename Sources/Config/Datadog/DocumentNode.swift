// SPDX-License-Identifier: Apache-2.0
import Wire
import Yams

/// A value of a ruleset file, typed as JSON types it, with its line and column.
struct DocumentNode {
    struct Member {
        var key: String
        var place: Place
        var value: DocumentNode
    }

    indirect enum Content {
        case object([Member])
        case list([DocumentNode])
        case string(String)
        /// As it is written.
        case number(String)
        case boolean(Bool)
        case null
    }

    var content: Content
    var place: Place

    subscript(key: String) -> DocumentNode? {
        guard case .object(let members) = content else { return nil }
        return members.first { $0.key == key }?.value
    }

    var members: [Member] {
        if case .object(let members) = content { members } else { [] }
    }

    var list: [DocumentNode]? {
        if case .list(let list) = content { list } else { nil }
    }

    var string: String? {
        if case .string(let text) = content { text } else { nil }
    }

    var boolean: Bool? {
        if case .boolean(let value) = content { value } else { nil }
    }

    var integer: Int64? {
        if case .number(let text) = content { Int64(text) } else { nil }
    }

    var number: Double? {
        if case .number(let text) = content { Double(text) } else { nil }
    }

    /// Any scalar as a text, the way tags and lists are written.
    var scalarText: String? {
        switch content {
        case .string(let text), .number(let text): text
        case .boolean(let value): value ? "true" : "false"
        case .object, .list, .null: nil
        }
    }

    /// What Yams read. Plain words are typed as JSON types them.
    init(_ node: Node, file: String) {
        place = YAMLSection.place(node, file)
        switch node {
        case .scalar(let scalar):
            if scalar.style != .plain {
                content = .string(scalar.string)
                return
            }
            switch scalar.string {
            case "true": content = .boolean(true)
            case "false": content = .boolean(false)
            case "null", "~", "": content = .null
            case let text:
                content = Double(text) != nil && text.first?.isLetter == false ? .number(text) : .string(text)
            }
        case .sequence(let list): content = .list(list.map { DocumentNode($0, file: file) })
        case .mapping(let mapping):
            content = .object(
                mapping.compactMap { key, value in
                    key.scalar.map {
                        Member(
                            key: $0.string, place: YAMLSection.place(key, file), value: DocumentNode(value, file: file))
                    }
                })
        case .alias: content = .null
        }
    }

    init(_ content: Content, _ place: Place) {
        self.content = content
        self.place = place
    }
}
