// SPDX-License-Identifier: Apache-2.0
public import Wire

/// What an event tells of. With the outcome it gives the event's name.
public enum EventKind: UInt8, CaseIterable, Sendable {
    /// A password was tried: `users.login.success`, `users.login.failure`.
    case login
    /// The password was right and a second factor is asked for: `users.mfa.challenge`. Its outcome is a success: whoever typed it knows it.
    case mfaChallenge
    /// A second factor was tried: `users.mfa.success`, `users.mfa.failure`.
    case mfa
    /// A reset was asked for: `users.password_reset`.
    case passwordReset
    /// `users.signup`.
    case signup
    /// The attempt met a locked account: `users.lockout`. Its outcome is a failure, and whether the password was right is not known.
    case lockout
    /// The application named it: `LoginEvent.Texts.customName`.
    case custom
}

extension LoginEvent {
    /// Longest name of an event that an application makes up.
    public static let customNameLimit = 64

    /// The event's name as every collector, query and metric says it. An attempt that was blocked, or whose outcome is unclear, is a failure.
    public func appendName<Sink: ByteSink & ~Copyable>(to out: inout Sink) {
        let isSuccess = outcome == .success && !isBlocked
        switch kind {
        case .login: out.append(isSuccess ? "users.login.success" : "users.login.failure")
        case .mfaChallenge: out.append(isBlocked ? "users.login.failure" : "users.mfa.challenge")
        case .mfa: out.append(isSuccess ? "users.mfa.success" : "users.mfa.failure")
        case .passwordReset: out.append("users.password_reset")
        case .signup: out.append("users.signup")
        case .lockout: out.append(isBlocked ? "users.login.failure" : "users.lockout")
        case .custom:
            let bytes = bytes
            out.append(bytes.span.slice(texts.customName))
        }
    }

    public var name: [UInt8] {
        var out: [UInt8] = []
        appendName(to: &out)
        return out
    }

    /// A password was tried, whatever came of it: what counts as an attempt.
    public var isAttempt: Bool { kind == .login || kind == .mfaChallenge || kind == .lockout }
}

/// What the loop noticed of the request and the off-loop side cannot see any more. Not part of the event that is shipped.
public struct EventFacts: OptionSet, Sendable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let hasUserAgent = EventFacts(rawValue: 1)
    public static let hasAcceptEncoding = EventFacts(rawValue: 2)
    public static let hasAcceptLanguage = EventFacts(rawValue: 4)
    /// The peer is one of `client_address.trusted_proxies`.
    public static let peerIsTrusted = EventFacts(rawValue: 8)
    /// A header that names a client came along: Forwarded, X-Forwarded-For, X-Real-IP.
    public static let hasForwarding = EventFacts(rawValue: 16)
}
