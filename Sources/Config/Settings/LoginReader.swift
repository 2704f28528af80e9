// SPDX-License-Identifier: Apache-2.0
import Logins
import Patterns
import Wire
import Yams

/// Reads one entry of `logins:`.
enum LoginReader {
    static func read(_ section: YAMLSection, _ context: ReadingContext) -> LoginRoute? {
        defer { section.finish() }
        let name = section.required("name")
        guard let match = section.section("match") else {
            context.report(
                section.place, "\(section.path) needs \"match\"", hint: "match: { method: POST, path: /login }")
            return nil
        }
        let method = match.string("method").map { $0.uppercased() }
        let path = readPath(match, context)
        match.finish()
        guard let user = section.section("user") else {
            context.report(section.place, "\(section.path) needs \"user\"", hint: "user: { login: body.username }")
            return nil
        }
        let source = user.required("login").flatMap { nameSource($0, user.place("login"), context) }
        user.finish()
        let success = OutcomeReader.read(section, "success", context)
        let failure = OutcomeReader.read(section, "failure", context)
        var existsWhen: [OutcomeTest] = []
        var unknownWhen: [OutcomeTest] = []
        if let exists = section.section("exists") {
            existsWhen = OutcomeReader.read(exists, "true_when", context)
            unknownWhen = OutcomeReader.read(exists, "false_when", context)
            exists.finish()
        }
        let userID = section.string("user_id").flatMap { identifierSource($0, section.place("user_id"), context) }
        guard let name, let path, let source else { return nil }
        return LoginRoute(
            name: name, method: method, path: path, user: source, success: success, failure: failure,
            existsWhen: existsWhen,
            unknownWhen: unknownWhen, userID: userID)
    }

    private static func readPath(_ match: YAMLSection, _ context: ReadingContext) -> LoginRoute.PathMatch? {
        var found: [LoginRoute.PathMatch] = []
        if let path = match.string("path") { found.append(.exact(Array(path.utf8))) }
        if let path = match.string("path_prefix") { found.append(.prefix(Array(path.utf8))) }
        if let expression = match.string("path_regex"),
            let pattern = OutcomeReader.pattern(expression, match.place("path_regex"), context)
        {
            found.append(.regex(pattern))
        }
        let given = ["path", "path_prefix", "path_regex"].filter { match.has($0) }
        if given.count != 1 { context.report(match.place, "\(match.path) needs one of path, path_prefix, path_regex") }
        return found.first
    }

    private static func nameSource(_ text: String, _ place: Place, _ context: ReadingContext) -> LoginRoute.NameSource?
    {
        if text == "basic" { return .basic }
        if text.hasPrefix("body.") && text.count > 5 { return .body(Array(text.dropFirst(5).utf8)) }
        if text.hasPrefix("query.") && text.count > 6 { return .query(Array(text.dropFirst(6).utf8)) }
        if text.hasPrefix("header.") && text.count > 7 { return .header(Array(text.dropFirst(7).lowercased().utf8)) }
        context.report(place, "\"\(text)\" is no place for a name", hint: "body.NAME, query.NAME, header.NAME or basic")
        return nil
    }

    private static func identifierSource(
        _ text: String, _ place: Place, _ context: ReadingContext
    ) -> LoginRoute.IdentifierSource? {
        func tail(_ prefix: String) -> String? {
            text.hasPrefix(prefix) && text.count > prefix.count ? String(text.dropFirst(prefix.count)) : nil
        }
        if let name = tail("response.header.") { return .header(Array(name.lowercased().utf8)) }
        if let name = tail("response.body.") { return .body(Array(name.utf8)) }
        if let name = tail("response.cookie.") { return .cookie(Array(name.utf8)) }
        context.report(
            place, "\"\(text)\" is no place for a user id",
            hint: "response.header.NAME, response.body.PATH or response.cookie.NAME")
        return nil
    }
}

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

    private static func readCheck(_ section: YAMLSection, _ context: ReadingContext) -> OutcomeTest.TextCheck? {
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
