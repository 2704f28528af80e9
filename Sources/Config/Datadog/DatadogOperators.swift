// SPDX-License-Identifier: Apache-2.0
import Rules
import Wire

/// Datadog's operators as our matchers, and its transformers as our transforms.
struct DatadogOperators {
    /// What is asked of a value.
    struct Question {
        var matcher: Matcher
        var kinds = ValueFilter.Kinds.strings
        var caseInsensitive = false
        var minimumLength = 0
    }

    enum Step {
        case keysOnly, valuesOnly
        case transform(Transform)
    }

    /// Operators that compare with what an application does: opened files, statements, commands.
    static let ofApplications: Set = [
        "lfi_detector", "ssrf_detector", "sqli_detector", "shi_detector", "cmdi_detector", "extract_schema",
    ]

    static let known = [
        "match_regex", "phrase_match", "exact_match", "ip_match", "equals", "greater_than", "lower_than", "exists",
        "is_sqli", "is_xss", "hidden_ascii_match",
    ]

    /// Both spellings that rulesets use; those of ModSecurity too.
    private static let transforms: [String: Transform] = [
        "lowercase": .lowercase, "remove_nulls": .removeNulls, "removeNulls": .removeNulls,
        "compress_whitespace": .compressWhitespace, "compressWhiteSpace": .compressWhitespace,
        "normalize_path": .normalizePath, "normalizePath": .normalizePath,
        "normalize_path_win": .normalizePathWindows, "normalizePathWin": .normalizePathWindows,
        "url_decode": .urlDecode, "urlDecode": .urlDecode, "url_decode_iis": .urlDecodeIIS,
        "urlDecodeUni": .urlDecodeIIS, "css_decode": .cssDecode, "cssDecode": .cssDecode, "js_decode": .jsDecode,
        "jsDecode": .jsDecode, "html_entity_decode": .htmlEntityDecode, "htmlEntityDecode": .htmlEntityDecode,
        "base64_decode": .base64Decode, "base64Decode": .base64Decode, "base64url_decode": .base64URLDecode,
        "base64_encode": .base64Encode, "base64Encode": .base64Encode, "shell_unescape": .shellUnescape,
        "cmdLine": .shellUnescape, "url_basename": .urlBasename, "url_path": .urlPath, "url_querystring": .urlQuery,
        "remove_comments": .removeComments, "removeComments": .removeComments,
        "unicode_normalize": .unicodeNormalize,
    ]

    let data: DatadogLists
    let context: ReadingContext

    static func transform(_ node: DocumentNode, _ context: ReadingContext) -> Step? {
        guard let name = node.string else {
            context.report(node.place, "a transformer is a name")
            return nil
        }
        if name == "keys_only" { return .keysOnly }
        if name == "values_only" { return .valuesOnly }
        if let transform = transforms[name] { return .transform(transform) }
        context.report(
            node.place, "unknown transformer \"\(name)\"",
            hint: Units.nearest(to: name, in: transforms.keys.sorted()).map { "did you mean \"\($0)\"?" })
        return nil
    }

    /// nil, and a problem, when it is none or lacks something.
    func read(_ name: String, _ parameters: DocumentNode, at place: Place) -> Question? {
        let options = parameters["options"]
        switch name {
        case "match_regex":
            guard let regex = parameters["regex"]?.string else { return missing("regex", parameters) }
            let length = options?["min_length"]?.integer ?? 0
            return Question(
                matcher: .regex(regex), caseInsensitive: !(options?["case_sensitive"]?.boolean ?? false),
                // An empty text is never matched.
                minimumLength: Int(clamping: max(1, length)))
        case "phrase_match":
            guard let list = texts(parameters) else { return nil }
            return Question(
                matcher: .phrases(list, wholeWords: options?["enforce_word_boundary"]?.boolean ?? false))
        case "exact_match": return exact(parameters)
        case "ip_match": return network(parameters)
        case "equals": return equals(parameters)
        case "greater_than", "lower_than":
            guard let value = parameters["value"]?.number else { return missing("value", parameters) }
            return Question(matcher: name == "greater_than" ? .greater(value) : .less(value), kinds: .numbers)
        case "exists": return Question(matcher: .exists(true), kinds: .any)
        case "is_sqli": return Question(matcher: .sqlInjection)
        case "is_xss": return Question(matcher: .scriptInjection)
        case "hidden_ascii_match":
            // U+E0000 to U+E007F, as UTF-8.
            return Question(matcher: .regex("(?:\\xf3\\xa0[\\x80\\x81][\\x80-\\xbf]){4}"), minimumLength: 1)
        default:
            context.report(
                place, "unknown operator \"\(name)\"",
                hint: Units.nearest(to: name, in: Self.known).map { "did you mean \"\($0)\"?" }
                    ?? Self.known.joined(separator: ", "))
            return nil
        }
    }

    private func missing(_ key: String, _ parameters: DocumentNode) -> Question? {
        context.report(parameters.place, "the operator needs \"\(key)\"")
        return nil
    }

    /// The texts of "list".
    private func texts(_ parameters: DocumentNode) -> [[UInt8]]? {
        guard let list = parameters["list"]?.list, !list.isEmpty else {
            context.report(parameters["list"]?.place ?? parameters.place, "the operator needs a \"list\" of texts")
            return nil
        }
        return list.compactMap { node in
            if let text = node.string, !text.isEmpty { return Array(text.utf8) }
            context.report(node.place, "a text is expected here")
            return nil
        }
    }

    private func exact(_ parameters: DocumentNode) -> Question? {
        if let name = parameters["data"]?.string { return Question(matcher: .listed(data.texts(name))) }
        return texts(parameters).map { Question(matcher: .oneOf($0)) }
    }

    private func network(_ parameters: DocumentNode) -> Question? {
        if let name = parameters["data"]?.string {
            return Question(matcher: .listedNetwork(data.networks(name)))
        }
        guard let list = parameters["list"]?.list else {
            context.report(parameters.place, "ip_match needs a \"list\" or \"data\"")
            return nil
        }
        return Question(matcher: .ip(list.compactMap { DatadogLists.network($0, context) }))
    }

    private func equals(_ parameters: DocumentNode) -> Question? {
        guard let value = parameters["value"] else { return missing("value", parameters) }
        switch parameters["type"]?.string {
        case "string":
            if let text = value.string { return Question(matcher: .equals(Array(text.utf8))) }
        case "boolean":
            if let truth = value.boolean {
                return Question(matcher: .equals(Array((truth ? "true" : "false").utf8)), kinds: .booleans)
            }
        case "signed", "unsigned":
            if let number = value.number { return Question(matcher: .number(number, within: 0), kinds: .numbers) }
        case "float":
            if let number = value.number {
                let delta = parameters["delta"]?.number ?? 0.01
                return Question(matcher: .number(number, within: delta), kinds: .numbers)
            }
        default:
            context.report(
                parameters["type"]?.place ?? parameters.place,
                "\"type\" must be string, boolean, signed, unsigned or float")
            return nil
        }
        context.report(value.place, "the value is not of the type")
        return nil
    }
}
