// SPDX-License-Identifier: Apache-2.0
public import Wire

/// What an entry of a list names, other than a network. A value.
public enum ListKind: UInt8, CaseIterable, Sendable {
    case login, userID, session, userAgent, fingerprint, asn, country

    /// The word in front of the value, as in `usr.login=alice`.
    public var word: String {
        switch self {
        case .login: "usr.login"
        case .userID: "usr.id"
        case .session: "session"
        case .userAgent: "user_agent"
        case .fingerprint: "fingerprint"
        case .asn: "asn"
        case .country: "country"
        }
    }

    /// The value as it is kept and looked for, or what is wrong with it. Countries are two capitals, ASNs digits without "AS"; a session
    /// token is kept as it is written.
    public func canonical(_ value: [UInt8]) -> Result<[UInt8], ListMistake> {
        if value.isEmpty { return .failure(ListMistake("\(word)= without a value")) }
        if value.count > ListKind.longest {
            return .failure(ListMistake("\(word)= with more than \(ListKind.longest) bytes"))
        }
        switch self {
        case .asn:
            var digits = value
            if digits.count > 2, digits[0] | 32 == UInt8(ascii: "a"), digits[1] | 32 == UInt8(ascii: "s") {
                digits.removeFirst(2)
            }
            guard let number = ByteSearch.decimal(digits.span), number > 0, number <= UInt64(UInt32.max) else {
                return .failure(ListMistake("\"\(String(decoding: value, as: UTF8.self))\" is no AS number"))
            }
            return .success(Array(String(number).utf8))
        case .country:
            let letters = value.map { $0 & 0xdf }
            guard letters.count == 2, letters.allSatisfy({ $0 >= 65 && $0 <= 90 }) else {
                return .failure(
                    ListMistake(
                        "\"\(String(decoding: value, as: UTF8.self))\" is no country", hint: "two letters, as DE"))
            }
            return .success(letters)
        case .login, .userID, .session, .userAgent, .fingerprint: return .success(value)
        }
    }

    private static let longest = 4096
}

/// Why a text is no entry of a list. A value.
public struct ListMistake: Error, Equatable, Sendable {
    public var what: String
    public var hint: String?

    public init(_ what: String, hint: String? = nil) {
        self.what = what
        self.hint = hint
    }
}

/// Whom an entry is about: a network, or a text of some kind. A value.
public enum ListSubject: Hashable, Sendable, CustomStringConvertible {
    case network(IPPrefix)
    case text(ListKind, [UInt8])

    /// "192.0.2.0/24", "usr.login=alice": one word of a list without its quotes.
    public static func parse(_ word: Span<UInt8>) -> Result<ListSubject, ListMistake> {
        if let split = ByteSearch.find(UInt8(ascii: "="), in: word) {
            let name = word.extracting(0..<split)
            for kind in ListKind.allCases where ByteSearch.equals(name, kind.word.utf8.span) {
                var value: [UInt8] = []
                value.append(word.extracting((split + 1)..<word.count))
                return kind.canonical(value).map { .text(kind, $0) }
            }
        }
        var bytes: [UInt8] = []
        bytes.append(word)
        let text = String(decoding: bytes, as: UTF8.self)
        switch IPPrefix.parse(text) {
        case .success(let prefix): return .success(.network(prefix))
        case .failure(.hostBits(let prefix)):
            return .failure(ListMistake("\"\(text)\" has bits behind its prefix", hint: "did you mean \(prefix)?"))
        case .failure(.badLength): return .failure(ListMistake("\"\(text)\" has no valid prefix length"))
        case .failure(.notAnAddress):
            return .failure(
                ListMistake(
                    "\"\(text)\" is not an address, network or known kind",
                    hint: "kinds: \(ListKind.allCases.map { $0.word + "=" }.joined(separator: " "))"))
        }
    }

    /// As it stands in a list, with quotes where it needs them.
    public var description: String {
        switch self {
        case .network(let prefix): return prefix.description
        case .text(let kind, let value):
            let text = String(decoding: value, as: UTF8.self)
            return value.contains(32) || value.contains(9) ? "\(kind.word)=\"\(text)\"" : "\(kind.word)=\(text)"
        }
    }
}
