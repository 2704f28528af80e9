// SPDX-License-Identifier: Apache-2.0

/// Field names that the gate itself reads or writes, as small integers. At most 63, so that presence fits one word.
package enum FieldName: UInt8, Sendable, CaseIterable {
    case other = 0
    case host, connection, contentLength, transferEncoding, te, trailer, upgrade, expect, keepAlive
    case proxyConnection, proxyAuthenticate, proxyAuthorization
    case contentType, contentEncoding, acceptEncoding, accept, acceptLanguage, acceptCharset, userAgent, referer, cookie
    case setCookie, authorization, location, cacheControl, date, server, via
    case forwarded, xForwardedFor, xForwardedProto, xForwardedHost, xForwardedPort, xRealIP, xRequestID
    case http2Settings

    /// The name in lower case; empty for `other`.
    package var text: StaticString {
        switch self {
        case .other: ""
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

    /// The known name that `name` is, in any case: by length first, then at most four comparisons.
    package static func recognise(_ name: Span<UInt8>) -> FieldName {
        switch name.count {
        case 2: pick(name, .te)
        case 3: pick(name, .via)
        case 4: pick(name, .host, .date)
        case 6: pick(name, .accept, .cookie, .expect, .server)
        case 7: pick(name, .referer, .upgrade, .trailer)
        case 8: pick(name, .location)
        case 9: pick(name, .forwarded, .xRealIP)
        case 10: pick(name, .connection, .userAgent, .setCookie, .keepAlive)
        case 12: pick(name, .contentType, .xRequestID)
        case 13: pick(name, .cacheControl, .authorization)
        case 14: pick(name, .contentLength, .acceptCharset, .http2Settings)
        case 15: pick(name, .acceptEncoding, .acceptLanguage, .xForwardedFor)
        case 16: pick(name, .contentEncoding, .xForwardedHost, .xForwardedPort, .proxyConnection)
        case 17: pick(name, .transferEncoding, .xForwardedProto)
        case 18: pick(name, .proxyAuthenticate)
        case 19: pick(name, .proxyAuthorization)
        default: .other
        }
    }

    @inline(__always)
    private static func pick(
        _ name: Span<UInt8>, _ first: FieldName, _ second: FieldName = .other, _ third: FieldName = .other,
        _ fourth: FieldName = .other
    ) -> FieldName {
        if matches(name, first) { return first }
        if second != .other && matches(name, second) { return second }
        if third != .other && matches(name, third) { return third }
        if fourth != .other && matches(name, fourth) { return fourth }
        return .other
    }

    /// `name` has the length of the known one; known names are lower case, and a token byte folds with one bit.
    @inline(__always)
    private static func matches(_ name: Span<UInt8>, _ known: FieldName) -> Bool {
        let text = known.text
        var index = 0
        while index < name.count {
            let byte = unsafe text.utf8Start[index]
            if name[index] != byte && ByteSearch.lowercased(name[index]) != byte { return false }
            index += 1
        }
        return true
    }

    /// A field that some servers take for a framing field because they treat "_" as "-" (CGI names), or that hides one behind a
    /// prefix or suffix that is no letter: never passed on.
    package static func looksLikeFraming(_ name: Span<UInt8>) -> Bool {
        let length = name.count
        if length != 14 && length != 17 { return false }
        let text = (length == 14 ? FieldName.contentLength : FieldName.transferEncoding).text
        var index = 0
        while index < length {
            let byte = name[index] == UInt8(ascii: "_") ? UInt8(ascii: "-") : ByteSearch.lowercased(name[index])
            if byte != (unsafe text.utf8Start[index]) { return false }
            index += 1
        }
        return true
    }

    /// May stand in a trailer section: nothing that frames, routes, authenticates or says how to read the body (RFC 9110 §6.5.1).
    package var mayBeTrailer: Bool {
        switch self {
        case .host, .connection, .contentLength, .transferEncoding, .te, .trailer, .upgrade, .expect, .keepAlive,
            .proxyConnection,
            .proxyAuthenticate, .proxyAuthorization, .contentType, .contentEncoding, .cookie, .setCookie,
            .authorization,
            .location, .cacheControl, .forwarded, .xForwardedFor, .xForwardedProto, .xForwardedHost, .xForwardedPort,
            .xRealIP,
            .xRequestID, .http2Settings:
            false
        case .other, .acceptEncoding, .accept, .acceptLanguage, .acceptCharset, .userAgent, .referer, .date, .server,
            .via:
            true
        }
    }
}

extension RequestHead {
    /// Index of the first field of this lower-case name, or nil.
    package func first(named name: Span<UInt8>, in bytes: Span<UInt8>) -> Int? {
        HeadField.first(fields, named: name, in: bytes)
    }
}

extension ResponseHead {
    /// Index of the first field of this lower-case name, or nil.
    package func first(named name: Span<UInt8>, in bytes: Span<UInt8>) -> Int? {
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
