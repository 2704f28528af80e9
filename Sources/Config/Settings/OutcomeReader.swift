// SPDX-License-Identifier: Apache-2.0
import Logins
import Patterns
import Wire
import Yams

/// Reads outcome tests: one mapping, or a list of them of which any may hold.
enum OutcomeReader {
    static func read(_ section: YAMLSection, _ key: String, _ context: ReadingContext) -> [OutcomeTest] {
        section.oneOrMore(key).map { readOne($0, context) }
    }

    private static func readOne(_ section: YAMLSection, _ context: ReadingContext) -> OutcomeTest {
        var test = OutcomeTest()
        for (text, place) in section.strings("status") {
            if let range = statuses(text) {
                test.statuses.append(range)
            } else {
                context.report(place, "\"\(text)\" is not a status", hint: "200, 200-299 or 2xx")
            }
        }
        if let header = section.section("header") {
            let name = header.required("name")
            let check = readCheck(header, context) ?? .exists(true)
            if let name { test.header = (Array(name.lowercased().utf8), check) }
            header.finish()
        }
        test.setCookie = section.string("set_cookie").map { Array($0.utf8) }
        if let text = section.string("body_contains") { test.body = .contains(Array(text.utf8)) }
        if let expression = section.string("body_regex"),
            let pattern = pattern(expression, section.place("body_regex"), context)
        {
            if test.body != nil {
                context.report(section.place("body_regex"), "body_contains and body_regex exclude each other")
            }
            test.body = .regex(pattern)
        }
        if let json = section.section("json") {
            let path = json.required("path")
            let check = readCheck(json, context) ?? .exists(true)
            if let path { test.json = (Array(path.utf8), check) }
            json.finish()
        }
        section.finish()
        let isEmpty =
            test.statuses.isEmpty && test.header == nil && test.setCookie == nil && test.body == nil && test.json == nil
        if isEmpty && context.problems.isEmpty { context.report(section.place, "\(section.path) tests nothing") }
        return test
    }

    static func readCheck(_ section: YAMLSection, _ context: ReadingContext) -> OutcomeTest.TextCheck? {
        var found: [OutcomeTest.TextCheck] = []
        if let text = section.string("equals") { found.append(.equals(Array(text.utf8))) }
        if let text = section.string("contains") { found.append(.contains(Array(text.utf8))) }
        if let expression = section.string("regex"), let pattern = pattern(expression, section.place("regex"), context)
        {
            found.append(.regex(pattern))
        }
        if let wanted = section.boolean("exists") { found.append(.exists(wanted)) }
        if found.count > 1 {
            context.report(section.place, "\(section.path) takes one of equals, contains, regex, exists")
        }
        return found.first
    }

    private static func statuses(_ text: String) -> ClosedRange<Int>? {
        if text.count == 3, text.hasSuffix("xx"), let digit = text.first?.wholeNumberValue, digit >= 1, digit <= 5 {
            return (digit * 100)...(digit * 100 + 99)
        }
        let parts = text.split(separator: "-").map { Int($0) }
        guard let first = parts.first ?? nil, let last = parts.last ?? nil, parts.count <= 2, first >= 100, last <= 599,
            first <= last
        else { return nil }
        return first...last
    }

    static func pattern(_ expression: String, _ place: Place, _ context: ReadingContext) -> Pattern? {
        do throws(PatternError) {
            return try Pattern(expression, caseInsensitive: false)
        } catch {
            context.report(place, "regular expression: \(error.message)", hint: "the syntax is RE2's")
            return nil
        }
    }
}
