// SPDX-License-Identifier: Apache-2.0

/// Field names that the gate itself reads or writes, as small integers. At most 63, so that presence fits one word.
public enum FieldName: UInt8, Sendable, CaseIterable {
    case other = 0
    case host, connection, contentLength, transferEncoding, te, trailer, upgrade, expect, keepAlive
    case proxyConnection, proxyAuthenticate, proxyAuthorization
    case contentType, contentEncoding, acceptEncoding, accept, acceptLanguage, acceptCharset, userAgent, referer, cookie
    case setCookie, authorization, location, cacheControl, date, server, via
    case forwarded, xForwardedFor, xForwardedProto, xForwardedHost, xForwardedPort, xRealIP, xRequestID
    case http2Settings
    /// None of these, but what CGI and its heirs would take for one: `X_Real_IP`, `Content.Type`.
    case lookalike

    /// Without this the compiler takes the generic comparison of raw values, through a witness table.
    @inline(__always)
    public static func == (left: FieldName, right: FieldName) -> Bool { left.rawValue == right.rawValue }

    /// The name in lower case; empty for `other` and `lookalike`.
    @inline(__always)
    public var text: StaticString {
        switch self {
        case .other, .lookalike: ""
        case .host: "host"
        case .connection: "connection"
        case .contentLength: "content-length"
        case .transferEncoding: "transfer-encoding"
        case .te: "te"
        case .trailer: "trailer"
        case .upgrade: "upgrade"
        case .expect: "expect"
        case .keepAlive: "keep-alive"
        case .proxyConnection: "proxy-connection"
        case .proxyAuthenticate: "proxy-authenticate"
        case .proxyAuthorization: "proxy-authorization"
        case .contentType: "content-type"
        case .contentEncoding: "content-encoding"
        case .acceptEncoding: "accept-encoding"
        case .accept: "accept"
        case .acceptLanguage: "accept-language"
        case .acceptCharset: "accept-charset"
        case .userAgent: "user-agent"
        case .referer: "referer"
        case .cookie: "cookie"
        case .setCookie: "set-cookie"
        case .authorization: "authorization"
        case .location: "location"
        case .cacheControl: "cache-control"
        case .date: "date"
        case .server: "server"
        case .via: "via"
        case .forwarded: "forwarded"
        case .xForwardedFor: "x-forwarded-for"
        case .xForwardedProto: "x-forwarded-proto"
        case .xForwardedHost: "x-forwarded-host"
        case .xForwardedPort: "x-forwarded-port"
        case .xRealIP: "x-real-ip"
        case .xRequestID: "x-request-id"
        case .http2Settings: "http2-settings"
        }
    }

    /// The known name that `name` is, in any case: by length first, then at most four comparisons with constants.
    public static func recognise(_ name: Span<UInt8>) -> FieldName {
        switch name.count {
        case 2:
            if ByteScan.equalsFolding(name, "te") { return .te }
        case 3:
            if ByteScan.equalsFolding(name, "via") { return .via }
        case 4:
            if ByteScan.equalsFolding(name, "host") { return .host }
            if ByteScan.equalsFolding(name, "date") { return .date }
        case 6:
            if ByteScan.equalsFolding(name, "accept") { return .accept }
            if ByteScan.equalsFolding(name, "cookie") { return .cookie }
            if ByteScan.equalsFolding(name, "expect") { return .expect }
            if ByteScan.equalsFolding(name, "server") { return .server }
        case 7:
            if ByteScan.equalsFolding(name, "referer") { return .referer }
            if ByteScan.equalsFolding(name, "upgrade") { return .upgrade }
            if ByteScan.equalsFolding(name, "trailer") { return .trailer }
        case 8:
            if ByteScan.equalsFolding(name, "location") { return .location }
        case 9:
            if ByteScan.equalsFolding(name, "forwarded") { return .forwarded }
            if ByteScan.equalsFolding(name, "x-real-ip") { return .xRealIP }
        case 10:
            if ByteScan.equalsFolding(name, "connection") { return .connection }
            if ByteScan.equalsFolding(name, "user-agent") { return .userAgent }
            if ByteScan.equalsFolding(name, "set-cookie") { return .setCookie }
            if ByteScan.equalsFolding(name, "keep-alive") { return .keepAlive }
        case 12:
            if ByteScan.equalsFolding(name, "content-type") { return .contentType }
            if ByteScan.equalsFolding(name, "x-request-id") { return .xRequestID }
        case 13:
            if ByteScan.equalsFolding(name, "cache-control") { return .cacheControl }
            if ByteScan.equalsFolding(name, "authorization") { return .authorization }
        case 14:
            if ByteScan.equalsFolding(name, "content-length") { return .contentLength }
            if ByteScan.equalsFolding(name, "accept-charset") { return .acceptCharset }
            if ByteScan.equalsFolding(name, "http2-settings") { return .http2Settings }
        case 15:
            if ByteScan.equalsFolding(name, "accept-encoding") { return .acceptEncoding }
            if ByteScan.equalsFolding(name, "accept-language") { return .acceptLanguage }
            if ByteScan.equalsFolding(name, "x-forwarded-for") { return .xForwardedFor }
        case 16:
            if ByteScan.equalsFolding(name, "content-encoding") { return .contentEncoding }
            if ByteScan.equalsFolding(name, "x-forwarded-host") { return .xForwardedHost }
            if ByteScan.equalsFolding(name, "x-forwarded-port") { return .xForwardedPort }
            if ByteScan.equalsFolding(name, "proxy-connection") { return .proxyConnection }
        case 17:
            if ByteScan.equalsFolding(name, "transfer-encoding") { return .transferEncoding }
            if ByteScan.equalsFolding(name, "x-forwarded-proto") { return .xForwardedProto }
        case 18:
            if ByteScan.equalsFolding(name, "proxy-authenticate") { return .proxyAuthenticate }
        case 19:
            if ByteScan.equalsFolding(name, "proxy-authorization") { return .proxyAuthorization }
        default: break
        }
        return .other
    }

    /// The known name that `name` becomes where every character but letters and digits is written "_", as CGI does it. Such a field
    /// overrides or joins the real one behind the gate, which judged only the real one.
    static func disguised(_ name: Span<UInt8>) -> FieldName {
        for known in allCases where known.text.utf8CodeUnitCount == name.count && !name.isEmpty {
            if isDisguise(name, of: known.text) { return known }
        }
        return .other
    }

    private static func isDisguise(_ name: Span<UInt8>, of text: StaticString) -> Bool {
        var index = 0
        while index < name.count {
            if ByteSearch.variable(name[index]) != (unsafe text.utf8Start[index]) { return false }
            index += 1
        }
        return true
    }

    /// May stand in a trailer section: nothing that frames, routes, authenticates or says how to read the body (RFC 9110 §6.5.1).
    public var mayBeTrailer: Bool {
        switch self {
        case .host, .connection, .contentLength, .transferEncoding, .te, .trailer, .upgrade, .expect, .keepAlive,
            .proxyConnection,
            .proxyAuthenticate, .proxyAuthorization, .contentType, .contentEncoding, .cookie, .setCookie,
            .authorization,
            .location, .cacheControl, .forwarded, .xForwardedFor, .xForwardedProto, .xForwardedHost, .xForwardedPort,
            .xRealIP,
            .xRequestID, .http2Settings, .lookalike:
            false
        case .other, .acceptEncoding, .accept, .acceptLanguage, .acceptCharset, .userAgent, .referer, .date, .server,
            .via:
            true
        }
    }
}

extension RequestHead {
    /// Index of the first field of this lower-case name, or nil.
    public func first(named name: Span<UInt8>, in bytes: Span<UInt8>) -> Int? {
        HeadField.first(fields, named: name, in: bytes)
    }
}

extension ResponseHead {
    /// Index of the first field of this lower-case name, or nil.
    public func first(named name: Span<UInt8>, in bytes: Span<UInt8>) -> Int? {
        HeadField.first(fields, named: name, in: bytes)
    }
}

extension HeadField {
    fileprivate static func first(_ fields: borrowing [HeadField], named name: Span<UInt8>, in bytes: Span<UInt8>)
        -> Int?
    {
        for index in fields.indices
        where fields[index].name.count == name.count
            && ByteSearch.equalsIgnoringCase(bytes.slice(fields[index].name), name)
        {
            return index
        }
        return nil
    }
}
