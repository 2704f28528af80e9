// SPDX-License-Identifier: Apache-2.0

/// The moments at which something becomes known, in order.
public enum Phase: Int, Comparable, CaseIterable, Sendable {
    case requestHead, requestBody, responseHead, responseBody

    public static func < (left: Phase, right: Phase) -> Bool { left.rawValue < right.rawValue }
}

/// A part of an exchange that rules look at. Names of headers are lower case.
public enum Subject: Hashable, Sendable {
    case clientIP, clientPeer
    case method, path, query, queryValue([UInt8]), header([UInt8]), headers, cookie([UInt8]), host, scheme, version
    case body, bodyValue([UInt8]), bodyText
    case userLogin, userID
    case status, responseHeader([UInt8]), responseBody, responseBodyValue([UInt8]), responseBodyText
    case fingerprintHTTP, fingerprintHeader, fingerprintNetwork, fingerprintSession, fingerprintHTTP2

    /// As in a rule file: `request.header.user-agent`. nil when there is no such subject.
    public init?(_ text: String) {
        func tail(_ prefix: String) -> [UInt8]? {
            text.hasPrefix(prefix) && text.count > prefix.count ? Array(text.dropFirst(prefix.count).utf8) : nil
        }
        if let plain = Subject.plain[text] {
            self = plain
        } else if let name = tail("request.header.") {
            self = .header(Subject.lowercased(name))
        } else if let name = tail("response.header.") {
            self = .responseHeader(Subject.lowercased(name))
        } else if let name = tail("request.query.") {
            self = .queryValue(name)
        } else if let name = tail("request.cookie.") {
            self = .cookie(name)
        } else if let name = tail("request.body.") {
            self = .bodyValue(name)
        } else if let name = tail("response.body.") {
            self = .responseBodyValue(name)
        } else {
            return nil
        }
    }

    /// Every subject without a name of its own, for messages and completion.
    public static let plain: [String: Subject] = [
        "client.ip": .clientIP, "client.peer": .clientPeer, "request.method": .method, "request.path": .path,
        "request.query": .query, "request.headers": .headers, "request.body": .body, "request.body.text": .bodyText,
        "request.host": .host, "request.scheme": .scheme, "request.version": .version, "usr.login": .userLogin,
        "usr.id": .userID, "response.status": .status, "response.body": .responseBody,
        "response.body.text": .responseBodyText, "fingerprint.http": .fingerprintHTTP,
        "fingerprint.header": .fingerprintHeader, "fingerprint.network": .fingerprintNetwork,
        "fingerprint.session": .fingerprintSession, "fingerprint.http2": .fingerprintHTTP2,
    ]

    private static func lowercased(_ name: [UInt8]) -> [UInt8] { name.map { $0 >= 65 && $0 <= 90 ? $0 | 32 : $0 } }

    /// When its value is known.
    public var phase: Phase {
        switch self {
        case .clientIP, .clientPeer, .method, .path, .query, .queryValue, .header, .headers, .cookie, .host, .scheme,
            .version,
            .fingerprintHeader, .fingerprintNetwork, .fingerprintHTTP2:
            .requestHead
        case .body, .bodyValue, .bodyText, .userLogin, .fingerprintHTTP: .requestBody
        case .status, .responseHeader, .userID, .fingerprintSession: .responseHead
        case .responseBody, .responseBodyValue, .responseBodyText: .responseBody
        }
    }

    /// It is an address: `ip` and `in` compare networks.
    public var isAddress: Bool { self == .clientIP || self == .clientPeer }
}
