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
}
