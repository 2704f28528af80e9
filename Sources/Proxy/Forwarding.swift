// SPDX-License-Identifier: Apache-2.0
import Wire

/// Writes the head that goes to the upstream. Every line is rebuilt from parsed parts: one space, CRLF, one framing field.
enum Forwarding {
    /// How the body is announced to the next peer.
    enum Announcement {
        case none, length(UInt64), chunked
    }

    static func writeRequest(
        _ exchange: Exchange, to server: ServerEndpoint, preservesHost: Bool, body: Announcement,
        into output: inout ByteBuffer
    ) {
        let bytes = exchange.requestBytes
        writeRequestLine(exchange.request, bytes.span, into: &output)
        if preservesHost && !exchange.request.authority.isEmpty {
            field("Host", bytes.span.slice(exchange.request.authority), into: &output)
        } else {
            let authority = server.authority
            field("Host", authority.span, into: &output)
        }
        let trusted = exchange.policy.trust.trusted.contains(exchange.peer)
        writeEndToEnd(
            exchange.request, bytes.span, exchange.policy, trusted: trusted,
            keepsExpect: exchange.expectsContinue && !exchange.isBuffered, into: &output)
        writeForwarded(exchange, bytes.span, trusted: trusted, into: &output)
        if !exchange.requestID.isEmpty {
            output.append(exchange.policy.requestID.header)
            output.append(": ")
            output.append(exchange.requestID)
            output.append("\r\n")
        }
        if !exchange.flagLines.isEmpty { output.append(exchange.flagLines) }
        announce(body, into: &output)
        if exchange.wantsUpgrade {
            writeUpgrade(exchange.request, bytes.span, into: &output)
        }
        output.append("\r\n")
    }

    static func announce(_ body: Announcement, into output: inout ByteBuffer) {
        switch body {
        case .none: break
        case .length(let count):
            output.append("Content-Length: ")
            output.append(decimal: count)
            output.append("\r\n")
        case .chunked: output.append("Transfer-Encoding: chunked\r\n")
        }
    }

    static func field(_ name: StaticString, _ value: Span<UInt8>, into output: inout ByteBuffer) {
        output.append(name)
        output.append(": ")
        output.append(value)
        output.append("\r\n")
    }

    /// The absolute form becomes the origin form (RFC 9112 §3.2.1): the upstream is an origin, not a proxy.
    private static func writeRequestLine(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>, into output: inout ByteBuffer
    ) {
        output.append(bytes.slice(head.methodRange))
        output.append(" ")
        switch head.form {
        case .asterisk: output.append("*")
        case .origin, .authority: output.append(bytes.slice(head.target))
        case .absolute:
            if head.path.isEmpty {
                // OPTIONS without a path speaks of the server as a whole (RFC 9112 §3.2.4).
                output.append(head.method == .options && head.query == nil ? "*" : "/")
            } else {
                output.append(bytes.slice(head.path))
            }
            if let query = head.query {
                output.append("?")
                output.append(bytes.slice(query))
            }
        }
        output.append(" HTTP/1.1\r\n")
    }

    private static func writeEndToEnd(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>, _ policy: Policy, trusted: Bool, keepsExpect: Bool,
        into output: inout ByteBuffer
    ) {
        let idHeader = policy.requestID.header
        let namesMore = namesEndToEndFields(head.fields, bytes, isPresent: head.contains(.connection))
        for index in head.fields.indices {
            let item = head.fields[index]
            switch item.known {
            case .host, .connection, .contentLength, .transferEncoding, .te, .upgrade, .keepAlive, .proxyConnection,
                .proxyAuthenticate, .proxyAuthorization, .http2Settings:
                continue
            // What the upstream could take for a field that the gate judged, or wrote itself.
            case .lookalike: continue
            case .expect: if !keepsExpect { continue }
            case .forwarded, .xForwardedFor, .xForwardedProto, .xForwardedHost, .xRealIP:
                continue
            case .xForwardedPort: if !trusted { continue }
            case .other, .xRequestID:
                let name = bytes.slice(item.name)
                if ByteSearch.namesSameVariable(name, idHeader.span) { continue }
                if !trusted && namesClient(name, policy.trust) { continue }
                if isFlag(name, policy.flagHeaders) { continue }
            default: break
            }
            if namesMore && isNamedByConnection(bytes.slice(item.name), head.fields, bytes) { continue }
            output.append(bytes.slice(item.name))
            output.append(": ")
            output.append(bytes.slice(item.value))
            output.append("\r\n")
        }
    }

    /// A header that we would believe from a trusted proxy is not passed on from anybody else: the upstream may believe it.
    private static func namesClient(_ name: Span<UInt8>, _ trust: borrowing ClientAddressPolicy) -> Bool {
        for index in trust.headers.indices {
            if case .list(let known) = trust.headers[index], ByteSearch.namesSameVariable(name, known.span) {
                return true
            }
        }
        return false
    }

    private static func isFlag(_ name: Span<UInt8>, _ flags: [[UInt8]]) -> Bool {
        for flag in flags where ByteSearch.namesSameVariable(name, flag.span) { return true }
        return false
    }

    /// What we saw ourselves, and of a trusted peer what it said before (RFC 7239, X-Forwarded-*).
    private static func writeForwarded(
        _ exchange: Exchange, _ bytes: Span<UInt8>, trusted: Bool, into output: inout ByteBuffer
    ) {
        let head = exchange.request.fields
        output.append("X-Forwarded-For: ")
        if trusted { appendValues(of: .xForwardedFor, head, bytes, into: &output) }
        exchange.peer.write(to: &output)
        output.append("\r\nX-Real-IP: ")
        exchange.client.write(to: &output)
        output.append("\r\nX-Forwarded-Proto: ")
        let proto = trusted ? exchange.request.first(.xForwardedProto) : nil
        if let proto {
            output.append(bytes.slice(head[proto].value))
        } else {
            output.append(exchange.isSecure ? "https" : "http")
        }
        output.append("\r\n")
        let host = trusted ? exchange.request.first(.xForwardedHost) : nil
        if let host {
            field("X-Forwarded-Host", bytes.slice(head[host].value), into: &output)
        } else if !exchange.request.authority.isEmpty {
            field("X-Forwarded-Host", bytes.slice(exchange.request.authority), into: &output)
        }
        output.append("Forwarded: ")
        let hasChain = trusted && exchange.request.contains(.forwarded)
        if hasChain { appendValues(of: .forwarded, head, bytes, into: &output) }
        appendForwardedElement(exchange, address: hasChain ? exchange.peer : exchange.client, bytes, into: &output)
        output.append("\r\n")
    }

    private static func appendForwardedElement(
        _ exchange: Exchange, address: IPAddress, _ bytes: Span<UInt8>, into output: inout ByteBuffer
    ) {
        if address.isIPv4 {
            output.append("for=")
            address.write(to: &output)
        } else {
            output.append("for=\"[")
            address.write(to: &output)
            output.append("]\"")
        }
        if !exchange.request.authority.isEmpty {
            output.append(";host=\"")
            output.append(bytes.slice(exchange.request.authority))
            output.append("\"")
        }
        output.append(exchange.isSecure ? ";proto=https" : ";proto=http")
    }

    /// The values of all fields of this name, each with a comma behind it.
    private static func appendValues(
        of name: FieldName, _ fields: borrowing [HeadField], _ bytes: Span<UInt8>, into output: inout ByteBuffer
    ) {
        for index in fields.indices where fields[index].known == name && !fields[index].value.isEmpty {
            output.append(bytes.slice(fields[index].value))
            output.append(", ")
        }
    }

    private static func writeUpgrade(_ head: borrowing RequestHead, _ bytes: Span<UInt8>, into output: inout ByteBuffer)
    {
        output.append("Connection: upgrade\r\n")
        for index in head.fields.indices where head.fields[index].known == .upgrade {
            field("Upgrade", bytes.slice(head.fields[index].value), into: &output)
        }
    }

    // MARK: Connection options

    /// Whether Connection names anything beyond the options that are known here; then every field must be compared.
    static func namesEndToEndFields(_ fields: borrowing [HeadField], _ bytes: Span<UInt8>, isPresent: Bool) -> Bool {
        if !isPresent { return false }
        for index in fields.indices where fields[index].known == .connection {
            let value = bytes.slice(fields[index].value)
            if ByteSearch.equalsIgnoringCase(value, "keep-alive".utf8.span)
                || ByteSearch.equalsIgnoringCase(value, "close".utf8.span)
                || ByteSearch.equalsIgnoringCase(value, "upgrade".utf8.span)
            {
                continue
            }
            return true
        }
        return false
    }

    static func isNamedByConnection(_ name: Span<UInt8>, _ fields: borrowing [HeadField], _ bytes: Span<UInt8>) -> Bool
    {
        for index in fields.indices where fields[index].known == .connection {
            if ByteSearch.containsToken(bytes.slice(fields[index].value), name) { return true }
        }
        return false
    }

    // MARK: Bodies

    /// One piece of body data, as a chunk or as it is.
    static func append(_ data: Span<UInt8>, chunked: Bool, into output: inout ByteBuffer) {
        if !chunked {
            output.append(data)
            return
        }
        if data.isEmpty { return }
        var shift = 60
        while shift > 0 && data.count >> shift == 0 { shift -= 4 }
        while shift >= 0 {
            let digit = UInt8(truncatingIfNeeded: (data.count >> shift) & 15)
            output.append(digit < 10 ? 48 + digit : 87 + digit)
            shift -= 4
        }
        output.append("\r\n")
        output.append(data)
        output.append("\r\n")
    }

    /// Trailer fields as lines, kept until a gathered body is sent.
    static func appendTrailers(_ trailers: borrowing [HeadField], _ bytes: Span<UInt8>, to lines: inout [UInt8]) {
        for index in trailers.indices {
            lines.append(bytes.slice(trailers[index].name))
            lines.append(": ")
            lines.append(bytes.slice(trailers[index].value))
            lines.append("\r\n")
        }
    }

    /// The last chunk with the trailer fields that may be passed on.
    static func appendEnd(trailers: borrowing [HeadField], _ bytes: Span<UInt8>, into output: inout ByteBuffer) {
        output.append("0\r\n")
        for index in trailers.indices {
            output.append(bytes.slice(trailers[index].name))
            output.append(": ")
            output.append(bytes.slice(trailers[index].value))
            output.append("\r\n")
        }
        output.append("\r\n")
    }
}
