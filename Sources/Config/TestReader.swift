// SPDX-License-Identifier: Apache-2.0
import Rules
import Wire
import Yams

/// Reads what is asked of one subject: `{ regex: …, case: insensitive, transform: [lowercase] }`, or a plain value for `equals`.
enum TestReader {
    static func read(
        _ subject: Subject, _ node: Node, _ parent: YAMLSection, _ key: String, _ context: ReadingContext
    ) -> Condition? {
        if node.scalar != nil {
            guard let text = parent.string(key) else { return nil }
            return .test(
                Test(
                    subject: subject, transforms: [], matcher: .equals(Array(text.utf8)),
                    caseInsensitive: foldsCase(subject),
                    place: parent.place(key)))
        }
        guard let section = YAMLSection(node, file: parent.file, path: key, context) else { return nil }
        defer { section.finish() }
        var isFolded = foldsCase(subject)
        if let mode = section.string("case", known: ["sensitive", "insensitive"]) {
            isFolded = mode == "insensitive"
            if mode != "insensitive" && mode != "sensitive" {
                context.report(section.place("case"), "case must be sensitive or insensitive")
            }
        }
        let transforms = section.strings("transform").compactMap { text, place -> Transform? in
            if let transform = Transform(rawValue: text) { return transform }
            let known = Transform.allCases.map(\.rawValue)
            context.report(
                place, "unknown transform \"\(text)\"",
                hint: Units.nearest(to: text, in: known).map { "did you mean \"\($0)\"?" }
                    ?? known.joined(separator: ", "))
            return nil
        }
        let matchers = readMatchers(section, context)
        if matchers.isEmpty && context.problems.isEmpty {
            context.report(
                section.place, "\(key) is asked nothing",
                hint: "equals, in, prefix, suffix, contains, regex, exists, ip, gt or lt")
        }
        let tests = matchers.map {
            Condition.test(
                Test(subject: subject, transforms: transforms, matcher: $0.0, caseInsensitive: isFolded, place: $0.1))
        }
        return tests.count == 1 ? tests[0] : .all(tests)
    }

    /// What may be asked of a subject, told by being asked.
    static func describe(_ section: YAMLSection, _ context: ReadingContext) {
        _ = section.string("case", known: ["sensitive", "insensitive"])
        _ = section.strings("transform")
        _ = readMatchers(section, context)
    }

    /// Names of hosts have no case (RFC 9110 §4.2.3); everything else has, unless the rule says otherwise.
    private static func foldsCase(_ subject: Subject) -> Bool {
        if case .host = subject { return true }
        return false
    }

    private static func readMatchers(_ section: YAMLSection, _ context: ReadingContext) -> [(Matcher, Place)] {
        var out: [(Matcher, Place)] = []
        func add(_ key: String, _ matcher: (String) -> Matcher) {
            if let text = section.string(key) { out.append((matcher(text), section.place(key))) }
        }
        add("equals") { .equals(Array($0.utf8)) }
        add("prefix") { .prefix(Array($0.utf8)) }
        add("suffix") { .suffix(Array($0.utf8)) }
        add("contains") { .contains(Array($0.utf8)) }
        add("regex") { .regex($0) }
        if section.has("in") {
            out.append((.oneOf(section.strings("in").map { Array($0.text.utf8) }), section.place("in")))
        }
        if let wanted = section.boolean("exists") { out.append((.exists(wanted), section.place("exists"))) }
        if section.has("ip") {
            out.append(
                (.ip(section.strings("ip").compactMap { network($0.text, $0.place, context) }), section.place("ip")))
        }
        for key in ["gt", "lt"] {
            guard let text = section.string(key) else { continue }
            if let number = Double(text) {
                out.append((key == "gt" ? .greater(number) : .less(number), section.place(key)))
            } else {
                context.report(section.place(key), "\"\(text)\" is not a number")
            }
        }
        return out
    }

    /// One address or network; nil and a problem when it is none.
    static func network(_ text: String, _ place: Place, _ context: ReadingContext) -> IPPrefix? {
        switch IPPrefix.parse(text) {
        case .success(let prefix): return prefix
        case .failure(.hostBits(let prefix)):
            context.report(place, "\"\(text)\" has bits behind its prefix", hint: "did you mean \(prefix)?")
        case .failure: context.report(place, "\"\(text)\" is not an address or network")
        }
        return nil
    }
}
