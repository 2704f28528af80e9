// SPDX-License-Identifier: Apache-2.0
import Wire

/// Writes the head that goes to the upstream. Every line is rebuilt from parsed parts: one space, CRLF, one framing field.
enum Forwarding {
    static func writeRequest(
        _ exchange: Exchange, to server: ServerEndpoint, preservesHost: Bool, body: BodyFraming,
        into output: inout ByteBuffer
    ) {
        let bytes = exchange.requestSpan
        HeadWriter.requestLine(exchange.request, bytes, to: &output)
        if preservesHost && !exchange.request.authority.isEmpty {
            HeadWriter.field("Host", bytes.slice(exchange.request.authority), to: &output)
        } else {
            let authority = server.authority
            HeadWriter.field("Host", authority.span, to: &output)
        }
        let trusted = exchange.policy.trust.trusted.contains(exchange.peer)
        writeEndToEnd(
            exchange.request, bytes, exchange.policy, trusted: trusted,
            keepsExpect: exchange.expectsContinue && !exchange.isBuffered, into: &output)
        writeForwarded(exchange, bytes, trusted: trusted, into: &output)
        if !exchange.requestID.isEmpty {
            output.append(exchange.policy.requestID.header)
            output.append(": ")
            output.append(exchange.requestID)
            output.append("\r\n")
        }
        if !exchange.flagLines.isEmpty { output.append(exchange.flagLines) }
        HeadWriter.framing(body, to: &output)
        if exchange.wantsUpgrade {
            writeUpgrade(exchange.request, bytes, into: &output)
        }
        output.append("\r\n")
    }

    private static func writeEndToEnd(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>, _ policy: Policy, trusted: Bool, keepsExpect: Bool,
        into output: inout ByteBuffer
    ) {
        let idHeader = policy.requestID.header
        let namesMore = namesEndToEndFields(head.fields, bytes, isPresent: head.contains(.connection))
        var run = FieldRun()
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
            run.take(item, bytes, to: &output)
        }
        run.end(bytes, to: &output)
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
        let client = IPAddressText(exchange.client)
        output.append("X-Forwarded-For: ")
        if trusted { appendValues(of: .xForwardedFor, head, bytes, into: &output) }
        if exchange.peer == exchange.client { output.append(client.span) } else { exchange.peer.write(to: &output) }
        output.append("\r\nX-Real-IP: ")
        output.append(client.span)
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
            HeadWriter.field("X-Forwarded-Host", bytes.slice(head[host].value), to: &output)
        } else if !exchange.request.authority.isEmpty {
            HeadWriter.field("X-Forwarded-Host", bytes.slice(exchange.request.authority), to: &output)
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
            HeadWriter.field("Upgrade", bytes.slice(head.fields[index].value), to: &output)
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
        HeadWriter.chunk(data, to: &output)
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
}
