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
    /// The target as it was sent, undecoded: path and query.
    case target
    /// All values, or all names, of the decoded query, of the fields, of the cookies.
    case queryValues, queryNames, headersNoCookies, headerNames, cookies, cookieNames
    case body, bodyValue([UInt8]), bodyText
    /// All values below a name: "user" stands for "user" and everything whose name begins with "user.".
    case bodyTree([UInt8])
    /// All names, and all parts of names, below a name; empty: of the whole body.
    case bodyNames([UInt8])
    /// Names of uploaded files.
    case fileNames
    case userLogin, userID
    case status, responseHeader([UInt8]), responseBody, responseBodyValue([UInt8]), responseBodyText
    case responseHeaders, responseHeaderNames, responseBodyTree([UInt8]), responseBodyNames([UInt8])
    case fingerprintHTTP, fingerprintHeader, fingerprintNetwork, fingerprintSession, fingerprintHTTP2
    case fingerprintClient, fingerprintJA4, fingerprintJA3

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
        "request.target": .target, "request.query_values": .queryValues, "request.query_names": .queryNames,
        "request.header_names": .headerNames, "request.cookies": .cookies, "request.cookie_names": .cookieNames,
        "request.body_names": .bodyNames([]), "request.file_names": .fileNames, "response.headers": .responseHeaders,
        "request.host": .host, "request.scheme": .scheme, "request.version": .version, "usr.login": .userLogin,
        "usr.id": .userID, "response.status": .status, "response.body": .responseBody,
        "response.body.text": .responseBodyText, "fingerprint.http": .fingerprintHTTP,
        "fingerprint.header": .fingerprintHeader, "fingerprint.network": .fingerprintNetwork,
        "fingerprint.session": .fingerprintSession, "fingerprint.http2": .fingerprintHTTP2,
        "fingerprint.client": .fingerprintClient, "fingerprint.ja4": .fingerprintJA4,
        "fingerprint.ja3": .fingerprintJA3,
    ]

    private static func lowercased(_ name: [UInt8]) -> [UInt8] { name.map { $0 >= 65 && $0 <= 90 ? $0 | 32 : $0 } }

    /// When its value is known.
    public var phase: Phase {
        switch self {
        case .clientIP, .clientPeer, .method, .path, .query, .queryValue, .header, .headers, .cookie, .host, .scheme,
            .version, .target, .queryValues, .queryNames, .headersNoCookies, .headerNames, .cookies, .cookieNames,
            .fingerprintHeader, .fingerprintNetwork, .fingerprintHTTP2, .fingerprintClient, .fingerprintJA4,
            .fingerprintJA3:
            .requestHead
        case .body, .bodyValue, .bodyText, .bodyTree, .bodyNames, .fileNames, .userLogin, .fingerprintHTTP: .requestBody
        case .status, .responseHeader, .responseHeaders, .responseHeaderNames, .userID, .fingerprintSession:
            .responseHead
        case .responseBody, .responseBodyValue, .responseBodyText, .responseBodyTree, .responseBodyNames: .responseBody
        }
    }

    /// It needs the query taken apart.
    var isOfQuery: Bool {
        switch self {
        case .queryValue, .queryValues, .queryNames: true
        default: false
        }
    }

    /// It needs the fingerprints of the head.
    var isFingerprint: Bool {
        switch self {
        case .fingerprintHTTP, .fingerprintHeader, .fingerprintNetwork, .fingerprintSession, .fingerprintHTTP2,
            .fingerprintClient, .fingerprintJA4, .fingerprintJA3:
            true
        default: false
        }
    }

    /// It is an address: `ip` and `in` compare networks.
    public var isAddress: Bool { self == .clientIP || self == .clientPeer }
}
