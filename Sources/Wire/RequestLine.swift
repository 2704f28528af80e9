// SPDX-License-Identifier: Apache-2.0

/// method SP request-target SP HTTP-version CRLF (RFC 9112 §3): one space each, nothing else.
enum RequestLine {
    static func parse(
        _ bytes: Span<UInt8>, _ cursor: inout Int, limits: HeadLimits, into head: inout RequestHead
    ) throws(HeadError) {
        let methodStart = cursor
        while ByteClass.isToken(bytes[cursor]) { cursor += 1 }
        if cursor == methodStart || bytes[cursor] != 32 || cursor - methodStart > Limits.methodBytes {
            throw .badMethod
        }
        head.methodRange = ByteRange(methodStart, cursor)
        head.method = HTTPMethod(bytes.slice(head.methodRange))
        cursor += 1
        let targetStart = cursor
        // Visible ASCII only: a space ends the target, everything else is refused.
        while bytes[cursor] > 32 && bytes[cursor] < 127 { cursor += 1 }
        if cursor == targetStart { throw .badTarget }
        if cursor - targetStart > limits.targetBytes { throw .targetTooLong }
        if bytes[cursor] != 32 { throw bytes[cursor] == 13 ? .badVersion : .badTarget }
        head.target = ByteRange(targetStart, cursor)
        cursor += 1
        try parseVersion(bytes, &cursor, into: &head)
    }

    private static func parseVersion(
        _ bytes: Span<UInt8>, _ cursor: inout Int, into head: inout RequestHead
    ) throws(HeadError) {
        if bytes.count < cursor + 10 { throw .badVersion }
        if !ByteSearch.equals(bytes.extracting(cursor..<(cursor + 5)), "HTTP/".utf8.span) { throw .badVersion }
        let major = bytes[cursor + 5]
        let minor = bytes[cursor + 7]
        if bytes[cursor + 6] != 46 || bytes[cursor + 8] != 13 || bytes[cursor + 9] != 10 { throw .badVersion }
        if major < 48 || major > 57 || minor < 48 || minor > 57 { throw .badVersion }
        if major != 49 || minor > 49 { throw .unsupportedVersion }
        head.version = minor == 48 ? .http10 : .http11
        cursor += 10
    }
}

extension HTTPMethod {
    /// Methods are case-sensitive (RFC 9110 §9.1).
    package init(_ name: Span<UInt8>) {
        switch name.count {
        case 3:
            self =
                name[0] == 71 && name[1] == 69 && name[2] == 84
                ? .get : name[0] == 80 && name[1] == 85 && name[2] == 84 ? .put : .other
        case 4:
            self =
                ByteSearch.equals(name, "POST".utf8.span)
                ? .post : ByteSearch.equals(name, "HEAD".utf8.span) ? .head : .other
        case 5:
            self =
                ByteSearch.equals(name, "PATCH".utf8.span)
                ? .patch : ByteSearch.equals(name, "TRACE".utf8.span) ? .trace : .other
        case 6: self = ByteSearch.equals(name, "DELETE".utf8.span) ? .delete : .other
        case 7:
            self =
                ByteSearch.equals(name, "OPTIONS".utf8.span)
                ? .options : ByteSearch.equals(name, "CONNECT".utf8.span) ? .connect : .other
        default: self = .other
        }
    }
}
