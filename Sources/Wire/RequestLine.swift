// SPDX-License-Identifier: Apache-2.0

/// method SP request-target SP HTTP-version CRLF (RFC 9112 §3): one space each, nothing else. Stateless.
enum RequestLine {
    /// The offset behind the line, or nil when the bytes end before it.
    static func parse(
        _ bytes: Span<UInt8>, from start: Int, limits: HeadLimits, into head: inout RequestHead
    ) throws(HeadError) -> Int? {
        var cursor = start
        while cursor < bytes.count && ByteClass.isToken(bytes[cursor]) {
            cursor += 1
            if cursor - start > Limits.methodBytes { throw .badMethod }
        }
        if cursor == bytes.count { return nil }
        if cursor == start || bytes[cursor] != 32 { throw .badMethod }
        head.methodRange = ByteRange(start, cursor)
        head.method = HTTPMethod(bytes.slice(head.methodRange))
        // Tunnels to anywhere are no business of a gate before one service.
        if head.method == .connect { throw .connectMethod }

        guard let version = try readTarget(bytes, from: cursor + 1, limits: limits, into: &head) else { return nil }
        guard let read = try HTTPVersion.read(bytes, from: version, otherwise: .badVersion) else { return nil }
        head.version = read
        cursor = version + 8
        if cursor == bytes.count { return nil }
        if bytes[cursor] != 13 { throw bytes[cursor] == 10 ? .bareLineFeed : .badVersion }
        if cursor + 1 == bytes.count { return nil }
        if bytes[cursor + 1] != 10 { throw .bareCarriageReturn }
        return cursor + 2
    }

    /// Visible ASCII without "#": a fragment is never sent (RFC 9112 §3.2.1). Gives the offset of the version.
    @inline(__always)
    private static func readTarget(
        _ bytes: Span<UInt8>, from start: Int, limits: HeadLimits, into head: inout RequestHead
    ) throws(HeadError) -> Int? {
        var cursor = start
        var question: Int?
        while true {
            cursor = ByteScan.endOfTargetPart(bytes, from: cursor)
            if cursor - start > limits.targetBytes { throw .targetTooLong }
            if cursor == bytes.count { return nil }
            if bytes[cursor] != 63 { break }
            if question == nil { question = cursor }
            cursor += 1
        }
        if cursor == start { throw .badTarget }
        switch bytes[cursor] {
        case 32: break
        case 10: throw .bareLineFeed
        // The line of HTTP/0.9.
        case 13: throw .badVersion
        default: throw .badTarget
        }
        head.target = ByteRange(start, cursor)
        try RequestTarget.classify(bytes, question: question, &head)
        return cursor + 1
    }
}

extension HTTPVersion {
    /// "HTTP/1.0" or "HTTP/1.1" at `start`; nil when the bytes end before it. The next higher versions are other protocols.
    static func read(
        _ bytes: Span<UInt8>, from start: Int, otherwise complaint: HeadError
    ) throws(HeadError) -> HTTPVersion? {
        if bytes.count - start >= 8 {
            let name = bytes.extracting(start..<(start + 8))
            if ByteScan.equals(name, "HTTP/1.1") { return .http11 }
            if ByteScan.equals(name, "HTTP/1.0") { return .http10 }
        }
        let form: StaticString = "HTTP/0.0"
        for offset in 0..<8 {
            if start + offset >= bytes.count { return nil }
            let byte = bytes[start + offset]
            let expected = unsafe form.utf8Start[offset]
            let isDigit = byte >= 48 && byte <= 57
            if byte != expected && !(isDigit && expected == 48) { throw complaint }
        }
        throw .unsupportedVersion
    }
}

extension HTTPMethod {
    /// Methods are case-sensitive (RFC 9110 §9.1).
    public init(_ name: Span<UInt8>) {
        self =
            switch name.count {
            case 3: ByteScan.equals(name, "GET") ? .get : ByteScan.equals(name, "PUT") ? .put : .other
            case 4: ByteScan.equals(name, "POST") ? .post : ByteScan.equals(name, "HEAD") ? .head : .other
            case 5: ByteScan.equals(name, "PATCH") ? .patch : ByteScan.equals(name, "TRACE") ? .trace : .other
            case 6: ByteScan.equals(name, "DELETE") ? .delete : .other
            case 7: ByteScan.equals(name, "OPTIONS") ? .options : ByteScan.equals(name, "CONNECT") ? .connect : .other
            default: .other
            }
    }
}
