// SPDX-License-Identifier: Apache-2.0
public import Patterns
public import Wire

/// What the answer to a login says.
public enum LoginOutcome: UInt8, Sendable {
    case success, failure, unknown
}

/// What was read off one answer: one kind, one outcome.
public struct LoginReading: Sendable {
    public var kind: EventKind
    public var outcome: LoginOutcome
    /// `usr.exists`; nil: the answer does not tell.
    public var exists: Bool?
}

/// One way to read an outcome off an answer: every part that is set must hold.
public struct OutcomeTest: Sendable {
    public enum TextCheck: Sendable {
        case exists(Bool)
        case equals([UInt8])
        case contains([UInt8])
        case regex(Pattern)
    }

    public var statuses: [ClosedRange<Int>] = []
    /// Lower-case field name.
    public var header: (name: [UInt8], check: TextCheck)?
    /// A cookie of this name is set (and not deleted by an empty value).
    public var setCookie: [UInt8]?
    public var body: TextCheck?
    /// Dotted name in a JSON body.
    public var json: (name: [UInt8], check: TextCheck)?

    public init() {}

    public var needsBody: Bool { body != nil || json != nil }

    func holds(
        _ head: borrowing ResponseHead, _ values: borrowing NamedValues, _ bytes: Span<UInt8>, _ body: Span<UInt8>
    ) -> Bool {
        if !statuses.isEmpty {
            var found = false
            for index in statuses.indices where statuses[index].contains(head.status) { found = true }
            if !found { return false }
        }
        if let header, !OutcomeTest.headerHolds(header.name.span, header.check, head, bytes) { return false }
        if let setCookie, !OutcomeTest.setsCookie(setCookie.span, head, bytes) { return false }
        if let check = self.body, !OutcomeTest.textHolds(check, body.isEmpty ? nil : body) { return false }
        if let json {
            guard let index = values.first(named: json.name.span) else {
                if case .exists(false) = json.check { return true }
                return false
            }
            let arena = values.arena
            if !OutcomeTest.textHolds(json.check, arena.span.slice(values.entries[index].value)) { return false }
        }
        return true
    }

    private static func headerHolds(
        _ name: Span<UInt8>, _ check: TextCheck, _ head: borrowing ResponseHead, _ bytes: Span<UInt8>
    ) -> Bool {
        var seen = false
        for index in head.fields.indices {
            let field = head.fields[index]
            if field.name.count != name.count || !ByteSearch.equalsIgnoringCase(bytes.slice(field.name), name) {
                continue
            }
            seen = true
            if case .exists(let wanted) = check { return wanted }
            if textHolds(check, bytes.slice(field.value)) { return true }
        }
        if !seen, case .exists(let wanted) = check { return !wanted }
        return false
    }

    static func textHolds(_ check: TextCheck, _ text: Span<UInt8>?) -> Bool {
        guard let text else {
            if case .exists(let wanted) = check { return !wanted }
            return false
        }
        switch check {
        case .exists(let wanted): return wanted
        case .equals(let value): return ByteSearch.equals(text, value.span)
        case .contains(let value): return contains(text, value.span)
        case .regex(let pattern): return pattern.matches(text)
        }
    }

    static func contains(_ text: Span<UInt8>, _ word: Span<UInt8>) -> Bool {
        if word.isEmpty { return true }
        var start = 0
        while start + word.count <= text.count {
            guard let found = ByteSearch.find(word[0], in: text, from: start), found + word.count <= text.count else {
                return false
            }
            if ByteSearch.equals(text.extracting(found..<(found + word.count)), word) { return true }
            start = found + 1
        }
        return false
    }

    private static func setsCookie(_ name: Span<UInt8>, _ head: borrowing ResponseHead, _ bytes: Span<UInt8>) -> Bool {
        for index in head.fields.indices where head.fields[index].known == .setCookie {
            let value = bytes.slice(head.fields[index].value)
            guard let pair = SetCookie.pair(value) else { continue }
            if ByteSearch.equals(value.slice(pair.name), name) && !pair.value.isEmpty { return true }
        }
        return false
    }
}

/// The pair in front of a Set-Cookie value (RFC 6265 §4.1.1).
enum SetCookie {
    static func pair(_ value: Span<UInt8>) -> (name: ByteRange, value: ByteRange)? {
        var from = 0
        return CookieReader.next(in: value, from: &from)
    }
}

extension LoginRoute {
    /// What an answer says of the attempt. A second factor that is asked for and a locked account come first, then a declared failure. With no test
    /// declared 401 and 403 are failures and other answers below 400 successes; with one of the two declared the other is its
    /// complement; with both declared and none holding the outcome is unknown.
    public func readOutcome(
        _ head: borrowing ResponseHead, _ bytes: Span<UInt8>, body: Span<UInt8>, values: borrowing NamedValues
    ) -> LoginReading {
        var reading = LoginReading(kind: kind, outcome: .unknown)
        if LoginRoute.any(challenge, head, values, bytes, body) {
            reading = LoginReading(kind: .mfaChallenge, outcome: .success)
        } else if LoginRoute.any(locked, head, values, bytes, body) {
            reading = LoginReading(kind: .lockout, outcome: .failure)
        } else {
            reading.outcome = outcome(head, values, bytes, body)
        }
        if !unknownWhen.isEmpty && LoginRoute.any(unknownWhen, head, values, bytes, body) { reading.exists = false }
        if reading.exists == nil && !existsWhen.isEmpty && LoginRoute.any(existsWhen, head, values, bytes, body) {
            reading.exists = true
        }
        // Who logged in exists; and if only the sign of an unknown name is declared, its absence says that the name is known.
        let isFailure = reading.outcome == .failure
        let isLogin = kind == .login || kind == .mfa
        if reading.exists == nil
            && (isLogin && reading.outcome == .success || isFailure && !unknownWhen.isEmpty && existsWhen.isEmpty)
        {
            reading.exists = true
        }
        return reading
    }

    private func outcome(
        _ head: borrowing ResponseHead, _ values: borrowing NamedValues, _ bytes: Span<UInt8>, _ body: Span<UInt8>
    ) -> LoginOutcome {
        if success.isEmpty && failure.isEmpty {
            let status = head.status
            return status == 401 || status == 403 ? .failure : status < 400 ? .success : .unknown
        }
        // A failure that is declared wins: a page that says "wrong password" may well come with 200.
        if LoginRoute.any(failure, head, values, bytes, body) { return .failure }
        if LoginRoute.any(success, head, values, bytes, body) { return .success }
        return success.isEmpty ? .success : failure.isEmpty ? .failure : .unknown
    }

    private static func any(
        _ tests: borrowing [OutcomeTest], _ head: borrowing ResponseHead, _ values: borrowing NamedValues,
        _ bytes: Span<UInt8>, _ body: Span<UInt8>
    ) -> Bool {
        for index in tests.indices where tests[index].holds(head, values, bytes, body) { return true }
        return false
    }

    /// Appends `usr.id` as the answer tells it; nothing when it does not.
    public func readUserID(
        _ head: borrowing ResponseHead, _ bytes: Span<UInt8>, values: borrowing NamedValues, into out: inout [UInt8]
    ) {
        switch userID {
        case nil: return
        case .header(let name):
            guard let index = head.first(named: name.span, in: bytes) else { return }
            out.append(bytes.slice(head.fields[index].value))
        case .body(let name):
            guard let index = values.first(named: name.span), values.entries[index].kind != .null else { return }
            out.append(values.arena.span.slice(values.entries[index].value))
        case .token(let path, let claim):
            guard let index = values.first(named: path.span) else { return }
            let arena = values.arena
            TokenClaim.append(claim.span, of: arena.span.slice(values.entries[index].value), to: &out)
        case .cookie(let name):
            for index in head.fields.indices where head.fields[index].known == .setCookie {
                let value = bytes.slice(head.fields[index].value)
                guard let pair = SetCookie.pair(value) else { continue }
                if ByteSearch.equals(value.slice(pair.name), name.span) {
                    out.append(value.slice(pair.value))
                    return
                }
            }
        }
    }
}
