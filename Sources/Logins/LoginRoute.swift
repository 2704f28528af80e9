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
        /// Dotted name in the answer's JSON body, for steps that send a password alone.
        case answer([UInt8])
        case nowhere
    }

    /// Where the answer tells `usr.id`.
    public enum IdentifierSource: Equatable, Sendable {
        /// Lower-case field name.
        case header([UInt8])
        /// Dotted name in a JSON body.
        case body([UInt8])
        case cookie([UInt8])
        /// A claim of the JSON Web Token that stands at a dotted name of a JSON body.
        case token(path: [UInt8], claim: [UInt8])
    }

    public let name: [UInt8]
    /// The route that an entry of the configuration is about; the steps that a preset adds to it are not.
    public let isMain: Bool
    /// What events of this route tell of: a login, or one of the steps around it.
    public let kind: EventKind
    /// Upper case; nil: any.
    public let method: [UInt8]?
    public let path: PathMatch
    public let conditions: [RequestCondition]
    public let user: NameSource
    /// The password was right and a second factor is asked for.
    public let challenge: [OutcomeTest]
    /// The account is locked.
    public let locked: [OutcomeTest]
    public let success: [OutcomeTest]
    public let failure: [OutcomeTest]
    public let existsWhen: [OutcomeTest]
    public let unknownWhen: [OutcomeTest]
    public let userID: IdentifierSource?
    /// Where the answer hands out the session's tokens; empty: wherever they usually stand.
    public let sessions: [SessionSource]
    /// A test looks into the answer's body.
    public let needsResponseBody: Bool

    public init(
        name: String, method: String?, path: PathMatch, user: NameSource, success: [OutcomeTest],
        failure: [OutcomeTest],
        existsWhen: [OutcomeTest], unknownWhen: [OutcomeTest], userID: IdentifierSource?, kind: EventKind = .login,
        isMain: Bool = true, conditions: [RequestCondition] = [], challenge: [OutcomeTest] = [],
        locked: [OutcomeTest] = [], sessions: [SessionSource] = []
    ) {
        self.sessions = sessions
        self.name = Array(name.utf8)
        self.kind = kind
        self.isMain = isMain
        self.conditions = conditions
        self.challenge = challenge
        self.locked = locked
        self.method = method.map { Array($0.utf8) }
        self.path = path
        self.user = user
        self.success = success
        self.failure = failure
        self.existsWhen = existsWhen
        self.unknownWhen = unknownWhen
        self.userID = userID
        var readsBody = (success + failure + existsWhen + unknownWhen + challenge + locked).contains { $0.needsBody }
        // With nothing declared the whole answer tells the outcome (`AnswerShape`).
        if success.isEmpty && failure.isEmpty { readsBody = true }
        if case .answer = user { readsBody = true }
        switch userID {
        case .body, .token: readsBody = true
        case .header, .cookie, nil: break
        }
        for case .body in sessions { readsBody = true }
        needsResponseBody = readsBody
    }

    /// No test says what a success or a failure looks like: the answers' shapes do.
    public var isLearnt: Bool { success.isEmpty && failure.isEmpty }

    /// The typed name or a condition stands in the body or query, which must be read.
    public var needsRequestBody: Bool {
        switch user {
        case .body, .query: true
        case .header, .basic, .answer, .nowhere: hasContentConditions
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
        case .answer, .nowhere: return false
        }
    }

    /// Appends the name that only the answer tells. False: there is none.
    public func readName(answer values: borrowing NamedValues, into out: inout [UInt8]) -> Bool {
        guard case .answer(let name) = user else { return false }
        return LoginRoute.append(name.span, of: values, to: &out)
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
