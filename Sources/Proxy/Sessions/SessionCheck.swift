// SPDX-License-Identifier: Apache-2.0
import Logins
import Rules
import Wire

/// Where sessions meet an exchange: the tokens that a login's answer gives out are remembered, and a request that brings one of a user who is denied
/// since is refused, without the application's help. Stateless.
enum SessionCheck {
    /// Tokens that are taken from one answer.
    private static let most = 8

    // MARK: Refusing

    /// What the denylist says of the user whose session the request brings. Costs nothing while no user is denied.
    static func denied(_ exchange: Exchange, _ policy: Policy, _ worker: Worker) -> ListHit? {
        guard policy.remembersSessions, ListLookup.namesUsers(.deny, policy, worker) else { return nil }
        let bytes = exchange.requestSpan
        for index in exchange.request.fields.indices {
            let value = bytes.slice(exchange.request.fields[index].value)
            switch exchange.request.fields[index].known {
            case .authorization:
                if let hit = denied(bearer(value), exchange, worker) { return hit }
            case .cookie:
                var cursor = 0
                while let pair = CookieReader.next(in: value, from: &cursor) {
                    if let hit = denied(value.slice(pair.value), exchange, worker) { return hit }
                }
            default: continue
            }
        }
        for name in policy.sessionHeaders {
            guard let index = exchange.request.first(named: name.span, in: bytes) else { continue }
            let value = bytes.slice(exchange.request.fields[index].value)
            if let hit = denied(value, exchange, worker) { return hit }
        }
        return nil
    }

    private static func denied(_ token: Span<UInt8>, _ exchange: Exchange, _ worker: Worker) -> ListHit? {
        guard let user = user(of: token, exchange, worker) else { return nil }
        let hit = ListLookup.user(login: user.login, userID: user.userID, of: exchange, in: .deny, worker)
        if hit == nil { return nil }
        // The allowlist wins here as well.
        if ListLookup.user(login: user.login, userID: user.userID, of: exchange, in: .allow, worker) != nil {
            return nil
        }
        return hit
    }

    private static func user(of token: Span<UInt8>, _ exchange: Exchange, _ worker: Worker) -> SessionUser? {
        if token.count < SessionToken.leastBytes { return nil }
        let sessions = worker.sessions
        let oldest = exchange.startedUnixNanoseconds / 1_000_000_000 - exchange.policy.sessionSeconds
        return sessions.user(of: sessions.hash.of(token), since: oldest)
    }

    /// What follows the scheme of an Authorization field.
    @_lifetime(copy value)
    private static func bearer(_ value: Span<UInt8>) -> Span<UInt8> {
        guard let space = ByteSearch.find(32, in: value) else { return value }
        return value.slice(ByteSearch.trim(value, ByteRange(space, value.count)))
    }

    // MARK: Remembering

    /// The answer to a login may hand out tokens in its body, which must be kept for that.
    static func observesBody(_ exchange: Exchange) -> Bool {
        guard exchange.policy.remembersSessions, let route = exchange.login.route, isEntrance(route.kind),
            let index = exchange.response.first(.contentType)
        else { return false }
        let answerBytes = exchange.responseSpan
        return MediaType.isJSON(answerBytes.slice(exchange.response.fields[index].value))
    }

    private static func isEntrance(_ kind: EventKind) -> Bool {
        kind == .login || kind == .mfa || kind == .mfaChallenge
    }

    /// The login's outcome is known.
    static func remember(_ exchange: Exchange, _ worker: Worker, _ kind: EventKind, _ outcome: LoginOutcome) {
        guard exchange.policy.remembersSessions, outcome == .success, isEntrance(kind), exchange.hasResponseHead,
            exchange.outcome == .allowed || exchange.outcome == .monitored, let route = exchange.login.route
        else { return }
        if !exchange.login.hasName && exchange.login.userID.isEmpty {
            follow(exchange, worker)
            return
        }
        var tokens: [UInt64] = []
        if route.sessions.isEmpty {
            takeCookies(exchange, worker, &tokens)
            takeBody(exchange, worker, &tokens)
        } else {
            for source in route.sessions { take(source, exchange, worker, &tokens) }
        }
        keep(tokens, login: exchange.login.name, userID: exchange.login.userID, exchange, worker)
    }

    /// A service that gives its cookie anew with each answer: the new one is the same user's.
    static func follow(_ exchange: Exchange, _ worker: Worker) {
        guard exchange.response.contains(.setCookie), exchange.request.contains(.cookie),
            exchange.response.status < 400, exchange.policy.remembersSessions
        else { return }
        let answerBytes = exchange.responseSpan
        for index in exchange.response.fields.indices where exchange.response.fields[index].known == .setCookie {
            let field = answerBytes.slice(exchange.response.fields[index].value)
            guard let pair = SessionToken.cookie(field), pair.value.count >= SessionToken.leastBytes else { continue }
            let before = sent(field.slice(pair.name), exchange)
            guard let user = requestUser(before, exchange, worker) else { continue }
            keep(
                [worker.sessions.hash.of(field.slice(pair.value))], login: user.login, userID: user.userID, exchange,
                worker)
        }
    }

    private static func requestUser(_ cookie: (field: Int, value: ByteRange)?, _ exchange: Exchange, _ worker: Worker)
        -> SessionUser?
    {
        guard let cookie else { return nil }
        let bytes = exchange.requestSpan
        return user(
            of: bytes.slice(exchange.request.fields[cookie.field].value).slice(cookie.value), exchange, worker)
    }

    private static func keep(
        _ tokens: [UInt64], login: [UInt8], userID: [UInt8], _ exchange: Exchange, _ worker: Worker
    ) {
        if tokens.isEmpty { return }
        worker.sessions.remember(
            SessionGrant(
                login: login, userID: userID, tokens: Array(tokens.prefix(most)),
                unixSeconds: exchange.startedUnixNanoseconds / 1_000_000_000))
    }

    // MARK: Where tokens stand

    private static func take(
        _ source: SessionSource, _ exchange: Exchange, _ worker: Worker, _ tokens: inout [UInt64]
    ) {
        let hash = worker.sessions.hash
        let answerBytes = exchange.responseSpan
        switch source {
        case .header(let name):
            guard let index = exchange.response.first(named: name.span, in: answerBytes) else { return }
            add(answerBytes.slice(exchange.response.fields[index].value), hash, &tokens)
        case .body(let name):
            let values = exchange.responseValues
            guard let index = values.first(named: name.span) else { return }
            add(values.arena.span.slice(values.entries[index].value), hash, &tokens)
        case .cookie(let name):
            for index in exchange.response.fields.indices where exchange.response.fields[index].known == .setCookie {
                let field = answerBytes.slice(exchange.response.fields[index].value)
                guard let pair = SessionToken.cookie(field), ByteSearch.equals(field.slice(pair.name), name.span)
                else { continue }
                add(field.slice(pair.value), hash, &tokens)
                return
            }
            // The session that began before the login goes on.
            guard let pair = sent(name.span, exchange) else { return }
            let bytes = exchange.requestSpan
            add(bytes.slice(exchange.request.fields[pair.field].value).slice(pair.value), hash, &tokens)
        }
    }

    private static func takeCookies(_ exchange: Exchange, _ worker: Worker, _ tokens: inout [UInt64]) {
        let answerBytes = exchange.responseSpan
        let device = exchange.policy.deviceCookie
        for index in exchange.response.fields.indices where exchange.response.fields[index].known == .setCookie {
            let field = answerBytes.slice(exchange.response.fields[index].value)
            guard let pair = SessionToken.cookie(field) else { continue }
            let name = field.slice(pair.name)
            if ByteSearch.equals(name, device.span) || !SessionToken.isCookieName(name) { continue }
            add(field.slice(pair.value), worker.sessions.hash, &tokens)
        }
    }

    private static func takeBody(_ exchange: Exchange, _ worker: Worker, _ tokens: inout [UInt64]) {
        let values = exchange.responseValues
        for entry in values.entries
        where entry.kind == .string && SessionToken.isBodyName(values.arena.span.slice(entry.name)) {
            add(values.arena.span.slice(entry.value), worker.sessions.hash, &tokens)
        }
    }

    private static func add(_ token: Span<UInt8>, _ hash: KeyedHash, _ tokens: inout [UInt64]) {
        if token.count >= SessionToken.leastBytes && tokens.count < most { tokens.append(hash.of(token)) }
    }

    /// The cookie of this name that the client sent: its field, and its value within that.
    private static func sent(_ name: Span<UInt8>, _ exchange: Exchange) -> (field: Int, value: ByteRange)? {
        let bytes = exchange.requestSpan
        for index in exchange.request.fields.indices where exchange.request.fields[index].known == .cookie {
            let value = bytes.slice(exchange.request.fields[index].value)
            var cursor = 0
            while let pair = CookieReader.next(in: value, from: &cursor) {
                if ByteSearch.equals(value.slice(pair.name), name) { return (index, pair.value) }
            }
        }
        return nil
    }
}
