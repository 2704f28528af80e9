// SPDX-License-Identifier: Apache-2.0

/// The JSON Schema of the configuration and of rule files. It is not written down anywhere: the readers run over a file that is not there and
/// every question they ask is a key. So it cannot differ from what they accept.
package enum Schema {
    /// Of the configuration, as JSON text.
    package static func configuration() -> [UInt8] {
        var writer = SchemaWriter(
            title: "Loginward configuration", root: describeConfiguration(), conditions: nil)
        return writer.write()
    }

    /// Of a file of rules.
    package static func rules() -> [UInt8] {
        let rules = describe { RuleReader.describe($0, $1) }
        let test = describe { TestReader.describe($0, $1) }
        let rate = describe { _ = RateReader.read($0, $1) }
        var writer = SchemaWriter(title: "Loginward rules", root: rules, conditions: test, rate: rate)
        return writer.write()
    }

    static func describeConfiguration() -> SchemaNode {
        let root = describe { ConfigurationReader.describe($0, $1) }
        root.required.formUnion(["listeners", "services"])
        return root
    }

    /// Asks once without any answer, and once for each word of each choice that came up, as what is asked next may depend on it.
    private static func describe(_ read: (YAMLSection, ReadingContext) -> Void) -> SchemaNode {
        func ask(_ answers: [String: String]) -> SchemaNode {
            let node = SchemaNode()
            node.fields = [:]
            let nothing = ReadingEnvironment(
                read: { _ in .failure(FileTrouble("nothing is read")) }, glob: { _ in [] }, variable: { _ in nil })
            let context = ReadingContext(nothing)
            read(YAMLSection(describing: node, answers: answers, path: "", context), context)
            return node
        }
        let all = ask([:])
        for (path, words) in all.choices() {
            for word in words { all.merge(ask([path: word])) }
        }
        return all
    }
}
