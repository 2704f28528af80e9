// SPDX-License-Identifier: Apache-2.0
import Logins
import Patterns
import Wire
import Yams

/// Reads one entry of `logins:`: one route, or the routes of a preset.
enum LoginReader {
    /// What events of a route tell of.
    private enum RouteKind: String, CaseIterable {
        case login, mfa, signup
        case passwordReset = "password_reset"

        var kind: EventKind {
            switch self {
            case .login: .login
            case .mfa: .mfa
            case .signup: .signup
            case .passwordReset: .passwordReset
            }
        }
    }

    static func read(_ section: YAMLSection, _ context: ReadingContext) -> [LoginRoute] {
        defer { section.finish() }
        guard let preset = section.string("preset") else {
            // With a preset it has one of its own, so that it is not required of every entry.
            let name = section.has("name") ? section.string("name") : section.required("name")
            return [read(LoginLayers(own: section), name: name, context)].compactMap { $0 }
        }
        let name = section.string("name") ?? preset
        let routes = PresetReader.routes(of: preset, for: section, context)
        return routes.compactMap { route in
            defer { route.finish() }
            let part = route.required("name") ?? ""
            // What the entry itself says is about the login; the steps around it are the preset's.
            if part == PresetReader.main {
                return read(LoginLayers(own: section, preset: route), name: name, context)
            }
            return read(LoginLayers(own: route, isPreset: true), name: "\(name)-\(part)", context)
        }
    }

    private static func read(_ layers: LoginLayers, name: String?, _ context: ReadingContext) -> LoginRoute? {
        let kind = layers.of("event").choice("event", RouteKind.self) ?? .login
        guard let match = layers.of("match").section("match") else {
            context.report(
                layers.own.place, "\(layers.own.path) needs \"match\"", hint: "match: { method: POST, path: /login }")
            return nil
        }
        let method = match.string("method").map { $0.uppercased() }
        let path = readPath(match, context)
        let conditions = readConditions(match, context)
        match.finish()
        let source = readUser(layers, isNeeded: kind == .login, context)
        func tests(_ key: String) -> [OutcomeTest] { OutcomeReader.read(layers.of(key), key, context) }
        let (success, failure, challenge, locked) = (tests("success"), tests("failure"), tests("mfa"), tests("locked"))
        var existsWhen: [OutcomeTest] = []
        var unknownWhen: [OutcomeTest] = []
        if let exists = layers.of("exists").section("exists") {
            existsWhen = OutcomeReader.read(exists, "true_when", context)
            unknownWhen = OutcomeReader.read(exists, "false_when", context)
            exists.finish()
        }
        let holder = layers.of("user_id")
        let userID = holder.string("user_id").flatMap { identifierSource($0, holder.place("user_id"), context) }
        let sessions = SessionReader.readSources(layers.of("session"), context)
        guard let name, let path, let source else { return nil }
        return LoginRoute(
            name: name, method: method, path: path, user: source, success: success, failure: failure,
            existsWhen: existsWhen, unknownWhen: unknownWhen, userID: userID, kind: kind.kind, isMain: !layers.isPreset,
            conditions: conditions,
            challenge: challenge, locked: locked, sessions: sessions)
    }

    private static func readUser(_ layers: LoginLayers, isNeeded: Bool, _ context: ReadingContext) -> LoginRoute
        .NameSource?
    {
        guard let user = layers.of("user").section("user") else {
            if !isNeeded || layers.isPreset { return .nowhere }
            context.report(
                layers.own.place, "\(layers.own.path) needs \"user\"", hint: "user: { login: body.username }")
            return nil
        }
        let source = user.required("login").flatMap { nameSource($0, user.place("login"), context) }
        user.finish()
        return source
    }

    private static func readConditions(_ match: YAMLSection, _ context: ReadingContext) -> [RequestCondition] {
        let parts: [(String, RequestCondition.Part)] = [("header", .header), ("query", .query), ("body", .body)]
        var out: [RequestCondition] = []
        for (key, part) in parts {
            guard let section = match.section(key) else { continue }
            for member in section.members() {
                var check = member.text.map { OutcomeTest.TextCheck.equals(Array($0.utf8)) }
                if let test = member.section {
                    check = OutcomeReader.readCheck(test, context)
                    if check == nil {
                        context.report(
                            test.place, "\(test.path) asks nothing", hint: "equals, contains, regex or exists")
                    }
                    test.finish()
                }
                if let check { out.append(RequestCondition(part: part, name: member.name, check: check)) }
            }
            section.finish()
        }
        return out
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
        if text.hasPrefix("response.body.") && text.count > 14 { return .answer(Array(text.dropFirst(14).utf8)) }
        context.report(
            place, "\"\(text)\" is no place for a name",
            hint: "body.NAME, query.NAME, header.NAME, basic or response.body.PATH")
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
        if let name = tail("response.jwt."), let dot = name.lastIndex(of: "."), dot != name.startIndex {
            return .token(path: Array(name[..<dot].utf8), claim: Array(name[name.index(after: dot)...].utf8))
        }
        context.report(
            place, "\"\(text)\" is no place for a user id",
            hint: "response.header.NAME, response.body.PATH, response.jwt.PATH.CLAIM or response.cookie.NAME")
        return nil
    }
}
