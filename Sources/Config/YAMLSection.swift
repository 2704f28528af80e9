// SPDX-License-Identifier: Apache-2.0
import Wire
import Yams

/// One mapping of a YAML file, read key by key with types and places. Whatever nobody asked for is reported by `finish`. Owned by the reader of
/// its section.
final class YAMLSection {
    let context: ReadingContext
    let file: String
    /// Where the section stands, for messages: "services[0].upstream".
    let path: String
    let place: Place
    private var values: [String: Node] = [:]
    private var keyPlaces: [String: Place] = [:]
    private(set) var asked: Set<String> = []
    /// The file is not there and only the questions matter; see `Schema`.
    private let describing: SchemaNode?
    private let answers: [String: String]

    /// nil, and a problem, when `node` is no mapping.
    init?(_ node: Node, file: String, path: String, _ context: ReadingContext) {
        self.context = context
        self.file = file
        self.path = path
        describing = nil
        answers = [:]
        place = YAMLSection.place(node, file)
        guard case .mapping(let mapping) = node else {
            context.report(place, "\(path.isEmpty ? "the file" : path) must be a mapping of keys to values")
            return nil
        }
        for (key, value) in mapping {
            guard let name = key.scalar?.string else {
                context.report(YAMLSection.place(key, file), "a key must be a plain word")
                continue
            }
            values[name] = value
            keyPlaces[name] = YAMLSection.place(key, file)
        }
    }

    /// A section that notes what it is asked. Choices are answered with `answers`, by path.
    init(describing node: SchemaNode, answers: [String: String], path: String, _ context: ReadingContext) {
        self.context = context
        file = ""
        self.path = path
        place = Place(file: "")
        describing = node
        self.answers = answers
    }

    static func place(_ node: Node, _ file: String) -> Place {
        Place(file: file, line: node.mark?.line ?? 0, column: node.mark?.column ?? 0)
    }

    /// Reports keys that no reader asked for.
    func finish() {
        if describing != nil { return }
        context.noteAsked(asked, in: path)
        for key in values.keys.sorted(by: { (keyPlaces[$0]?.line ?? 0, $0) < (keyPlaces[$1]?.line ?? 0, $1) })
        where !asked.contains(key) {
            let near = Units.nearest(to: key, in: asked.sorted())
            context.report(
                keyPlaces[key] ?? place, "unknown key \"\(key)\"\(path.isEmpty ? "" : " in \(path)")",
                hint: near.map { "did you mean \"\($0)\"?" } ?? "known: \(asked.sorted().joined(separator: ", "))")
        }
    }

    func name(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    func has(_ key: String) -> Bool {
        asked.insert(key)
        if let describing {
            _ = describing.field(key)
            return true
        }
        return values[key] != nil
    }

    var keys: [String] {
        describing?.isOpen = true
        return values.keys.sorted {
            (keyPlaces[$0]?.line ?? 0, keyPlaces[$0]?.column ?? 0) < (
                keyPlaces[$1]?.line ?? 0, keyPlaces[$1]?.column ?? 0
            )
        }
    }

    func node(_ key: String) -> Node? {
        asked.insert(key)
        // What is read by hand may be anything, unless its parts are asked for as well.
        if let describing, describing.fields?[key] == nil { describing.field(key).isAnything = true }
        return values[key]
    }

    func keyPlace(_ key: String) -> Place { keyPlaces[key] ?? place }

    func place(_ key: String) -> Place { values[key].map { YAMLSection.place($0, file) } ?? place }

    // MARK: Scalars

    /// A text. `known` are all that are meant, for the schema; the caller says what it makes of others.
    func string(_ key: String, known: [String] = []) -> String? {
        if let describing {
            describing.field(key).scalars.insert(known.isEmpty ? .text : .oneOf(known))
            return answers[name(key)]
        }
        guard let node = node(key) else { return nil }
        return scalar(node, name(key))
    }

    func scalar(_ node: Node, _ name: String) -> String? {
        guard case .scalar(let scalar) = node else {
            context.report(YAMLSection.place(node, file), "\(name) must be a single value")
            return nil
        }
        return context.expand(scalar.string, YAMLSection.place(node, file))
    }

    func required(_ key: String) -> String? {
        if let describing {
            describing.required.insert(key)
            return string(key) ?? "x"
        }
        if let value = string(key) {
            if !value.isEmpty { return value }
            context.report(place(key), "\(name(key)) must not be empty")
            return nil
        }
        if values[key] == nil { context.report(place, "\(path.isEmpty ? "the file" : path) needs \"\(key)\"") }
        return nil
    }

    private func parsed<Value>(_ key: String, _ what: String, _ parse: (String) -> Value?) -> Value? {
        if describing != nil { return answers[name(key)].flatMap(parse) }
        guard let text = string(key) else { return nil }
        if let value = parse(text) { return value }
        context.report(place(key), "\(name(key)): \"\(text)\" is not \(what)")
        return nil
    }

    func duration(_ key: String, _ value: inout Duration) {
        describing?.field(key).scalars.insert(.duration)
        if let new = parsed(key, "a time such as 500ms, 30s, 5m, 12h or 7d", Units.duration) {
            if new == .zero {
                context.report(place(key), "\(name(key)) must be longer than nothing")
            } else {
                value = new
            }
        }
    }

    func rate(_ key: String) -> (count: Int, window: Int64)? {
        describing?.field(key).scalars.insert(.rate)
        return parsed(
            key, "a count from 1 to 65535 and a time of 100ms to 31d, such as 20/1m", Units.rate)
    }

    func size(_ key: String) -> Int? {
        describing?.field(key).scalars.insert(.size)
        return parsed(key, "a size such as 64KiB or 1MiB", Units.size)
    }

    func integer(_ key: String, _ range: ClosedRange<Int>) -> Int? {
        describing?.field(key).scalars.insert(.integer(range))
        return parsed(key, "a number from \(range.lowerBound) to \(range.upperBound)") { text in
            Int(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    func boolean(_ key: String) -> Bool? {
        describing?.field(key).scalars.insert(.boolean)
        return parsed(key, "true or false") { text in
            switch text {
            case "true", "yes", "on": true
            case "false", "no", "off": false
            default: nil
            }
        }
    }

    func choice<Value: RawRepresentable & CaseIterable>(_ key: String, _ type: Value.Type) -> Value?
    where Value.RawValue == String {
        describing?.field(key).scalars.insert(.oneOf(Value.allCases.map(\.rawValue)))
        return parsed(key, "one of \(Value.allCases.map(\.rawValue).joined(separator: ", "))") { Value(rawValue: $0) }
    }

    /// A path, resolved from the file that names it.
    func file(_ key: String) -> String? { string(key).map { context.resolve($0, from: file) } }

    // MARK: Collections

    /// A list of texts; a single text is a list of one. `file:PATH` stands for the lines of a file.
    func strings(_ key: String) -> [(text: String, place: Place)] {
        describing?.field(key).isTextList = true
        guard let node = node(key) else { return [] }
        return strings(node, name(key))
    }

    func strings(_ node: Node, _ name: String) -> [(text: String, place: Place)] {
        let nodes: [Node] = if case .sequence(let list) = node { Array(list) } else { [node] }
        var out: [(text: String, place: Place)] = []
        for item in nodes {
            let place = YAMLSection.place(item, file)
            guard let text = scalar(item, name) else { continue }
            if text.hasPrefix("file:") {
                out += lines(context.resolve(String(text.dropFirst(5)), from: file), place)
            } else {
                out.append((text, place))
            }
        }
        return out
    }

    /// Lines of a list file; "#" begins a comment.
    private func lines(_ path: String, _ place: Place) -> [(text: String, place: Place)] {
        guard let bytes = context.contents(path, place) else { return [] }
        var out: [(text: String, place: Place)] = []
        for (number, line) in bytes.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
            let text = Substring(decoding: line.last == 13 ? line.dropLast() : line, as: UTF8.self).trimmingSpaces()
            if text.isEmpty || text.hasPrefix("#") { continue }
            out.append((text, Place(file: path, line: number + 1, column: 1)))
        }
        return out
    }

    func section(_ key: String) -> YAMLSection? {
        if let describing {
            return YAMLSection(describing: describing.section(key), answers: answers, path: name(key), context)
        }
        return node(key).flatMap { YAMLSection($0, file: file, path: name(key), context) }
    }

    /// A list of mappings.
    func sections(_ key: String) -> [YAMLSection] {
        if let describing {
            let path = "\(name(key))[]"
            return [YAMLSection(describing: describing.entry(key), answers: answers, path: path, context)]
        }
        guard let node = node(key) else { return [] }
        guard case .sequence(let list) = node else {
            context.report(YAMLSection.place(node, file), "\(name(key)) must be a list")
            return []
        }
        return list.enumerated().compactMap {
            YAMLSection($0.element, file: file, path: "\(name(key))[\($0.offset)]", context)
        }
    }

    /// The keys that a mapping with any keys has, each with a single value or a mapping.
    func members() -> [(name: String, text: String?, section: YAMLSection?)] {
        if let describing {
            describing.isOpen = true
            let other = describing.others ?? SchemaNode()
            describing.others = other
            other.scalars.insert(.text)
            if other.fields == nil { other.fields = [:] }
            return [("", nil, YAMLSection(describing: other, answers: answers, path: "\(path).*", context))]
        }
        return keys.map { key in
            guard let node = node(key) else { return (key, nil, nil) }
            return node.scalar != nil ? (key, string(key), nil) : (key, nil, section(key))
        }
    }

    /// One mapping, or a list of them.
    func oneOrMore(_ key: String) -> [YAMLSection] {
        if describing != nil { return (section(key).map { [$0] } ?? []) + sections(key) }
        guard let node = node(key) else { return [] }
        return node.sequence == nil ? section(key).map { [$0] } ?? [] : sections(key)
    }
}
