// SPDX-License-Identifier: Apache-2.0
public import Patterns
public import Wire

/// Which requests of a service are logins, where the typed name stands, and how the answer tells the outcome. Made from the configuration,
/// immutable, part of the policy.
public final class LoginRoute: Sendable {
    public enum PathMatch: Sendable {
        case exact([UInt8]), prefix([UInt8]), regex(Pattern)
    }

    /// Where the typed name stands.
    public enum NameSource: Equatable, Sendable {
        /// Dotted name in a form, JSON or multipart body.
        case body([UInt8])
        case query([UInt8])
        /// Lower-case field name.
        case header([UInt8])
        /// The user of `Authorization: Basic`.
        case basic
    }

    /// Where the answer tells `usr.id`.
    public enum IdentifierSource: Equatable, Sendable {
        /// Lower-case field name.
        case header([UInt8])
        /// Dotted name in a JSON body.
        case body([UInt8])
        case cookie([UInt8])
    }

    public let name: [UInt8]
    /// Upper case; nil: any.
    public let method: [UInt8]?
    public let path: PathMatch
    public let user: NameSource
    public let success: [OutcomeTest]
    public let failure: [OutcomeTest]
    public let existsWhen: [OutcomeTest]
    public let unknownWhen: [OutcomeTest]
    public let userID: IdentifierSource?
    /// A test looks into the answer's body.
    public let needsResponseBody: Bool

    public init(
        name: String, method: String?, path: PathMatch, user: NameSource, success: [OutcomeTest],
        failure: [OutcomeTest],
        existsWhen: [OutcomeTest], unknownWhen: [OutcomeTest], userID: IdentifierSource?
    ) {
        self.name = Array(name.utf8)
        self.method = method.map { Array($0.utf8) }
        self.path = path
        self.user = user
        self.success = success
        self.failure = failure
        self.existsWhen = existsWhen
        self.unknownWhen = unknownWhen
        self.userID = userID
        var readsBody = (success + failure + existsWhen + unknownWhen).contains { $0.needsBody }
        if case .body = userID { readsBody = true }
        needsResponseBody = readsBody
    }

    /// The typed name stands in the body or query, which must be read.
    public var needsRequestBody: Bool {
        switch user {
        case .body, .query: true
        case .header, .basic: false
        }
    }

    /// Whether a request is a login here. `path` is the normalised one.
    public func matches(method: Span<UInt8>, path: Span<UInt8>) -> Bool {
        if let wanted = self.method, !ByteSearch.equals(method, wanted.span) { return false }
        switch self.path {
        case .exact(let text): return ByteSearch.equals(path, text.span)
        case .prefix(let text):
            return path.count >= text.count && ByteSearch.equals(path.extracting(0..<text.count), text.span)
        case .regex(let pattern): return pattern.matches(path)
        }
    }

    /// Appends the typed name. False: there is none.
    public func readName(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>, query: borrowing NamedValues, body: borrowing NamedValues,
        into out: inout [UInt8]
    ) -> Bool {
        switch user {
        case .body(let name): return LoginRoute.append(name.span, of: body, to: &out)
        case .query(let name): return LoginRoute.append(name.span, of: query, to: &out)
        case .header(let name):
            guard let index = head.first(named: name.span, in: bytes) else { return false }
            out.append(bytes.slice(head.fields[index].value))
            return true
        case .basic: return BasicCredentials.appendUser(head, bytes, to: &out)
        }
    }

    private static func append(_ name: Span<UInt8>, of values: borrowing NamedValues, to out: inout [UInt8]) -> Bool {
        guard let index = values.first(named: name), values.entries[index].kind != .null else { return false }
        out.append(values.arena.span.slice(values.entries[index].value))
        return true
    }
}

/// `Authorization: Basic` (RFC 7617): only the user is ever taken out.
enum BasicCredentials {
    static func appendUser(_ head: borrowing RequestHead, _ bytes: Span<UInt8>, to out: inout [UInt8]) -> Bool {
        guard let index = head.first(.authorization) else { return false }
        let value = bytes.slice(head.fields[index].value)
        if value.count < 7 || !ByteSearch.hasPrefixIgnoringCase(value, "basic ".utf8.span) { return false }
        var decoded: [UInt8] = []
        let token = value.slice(ByteSearch.trim(value, ByteRange(6, value.count)))
        if !Base64.decode(token, into: &decoded) { return false }
        guard let colon = ByteSearch.find(UInt8(ascii: ":"), in: decoded.span) else { return false }
        out.append(decoded.span.extracting(0..<colon))
        return true
    }
}
