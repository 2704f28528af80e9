// SPDX-License-Identifier: Apache-2.0
import Wire

/// Writes the head that goes to the client: the upstream's, rebuilt, or one of our own.
enum Answering {
    /// The upstream's final answer.
    static func writeResponse(
        _ exchange: Exchange, body: BodyFraming, keepsAlive: Bool, date: Span<UInt8>,
        into output: inout ByteBuffer
    ) {
        let answerBytes = exchange.responseSpan
        writeFields(exchange, answerBytes, into: &output)
        if !exchange.response.contains(.date) { HeadWriter.field("Date", date, to: &output) }
        if !exchange.login.deviceLine.isEmpty { output.append(exchange.login.deviceLine) }
        HeadWriter.framing(body, to: &output)
        writeConnection(exchange, keepsAlive: keepsAlive, into: &output)
        output.append("\r\n")
    }

    /// 1xx: the status line and the end-to-end fields (RFC 9110 §15.2); 101 keeps its Upgrade.
    static func writeInformational(_ exchange: Exchange, into output: inout ByteBuffer) {
        let answerBytes = exchange.responseSpan
        writeFields(exchange, answerBytes, into: &output)
        if exchange.response.status == 101 {
            output.append("Connection: upgrade\r\n")
            for item in exchange.response.fields where item.known == .upgrade {
                HeadWriter.field("Upgrade", answerBytes.slice(item.value), to: &output)
            }
        }
        output.append("\r\n")
    }

    private static func writeFields(_ exchange: Exchange, _ bytes: Span<UInt8>, into output: inout ByteBuffer) {
        let status = exchange.response.status
        HeadWriter.statusLine(status, reason: bytes.slice(exchange.response.reason), to: &output)
        let fields = exchange.response.fields
        let namesMore = Forwarding.namesEndToEndFields(
            fields, bytes, isPresent: exchange.response.contains(.connection))
        // A length that describes a body which is not sent (HEAD, 304) is the only one kept as it came.
        let keepsLength = exchange.request.method == .head || status == 304
        var wroteLength = false
        var run = FieldRun()
        for index in fields.indices {
            let item = fields[index]
            switch item.known {
            case .connection, .transferEncoding, .te, .upgrade, .keepAlive, .proxyConnection, .proxyAuthenticate:
                continue
            case .contentLength:
                if !keepsLength || wroteLength { continue }
                wroteLength = true
            // What the application says to us is not for the client.
            case .other: if ReportField.isOne(item, bytes) { continue }
            default: break
            }
            if namesMore && Forwarding.isNamedByConnection(bytes.slice(item.name), fields, bytes) { continue }
            run.take(item, bytes, to: &output)
        }
        run.end(bytes, to: &output)
    }

    private static func writeConnection(_ exchange: Exchange, keepsAlive: Bool, into output: inout ByteBuffer) {
        if !keepsAlive {
            output.append("Connection: close\r\n")
        } else if exchange.request.version == .http10 {
            output.append("Connection: keep-alive\r\n")
        }
    }

    /// Some complete field line begins with this name, which is lower case and ends with a colon.
    private static func hasLine(_ lines: Span<UInt8>, _ name: StaticString) -> Bool {
        var start = 0
        while start + name.utf8CodeUnitCount <= lines.count {
            if ByteScan.equalsFolding(lines.extracting(start..<(start + name.utf8CodeUnitCount)), name) { return true }
            guard let end = ByteSearch.find(10, in: lines, from: start) else { return false }
            start = end + 1
        }
        return false
    }

    /// An answer of our own. `extra` are complete field lines. A HEAD request gets the head alone.
    static func writeOwn(
        status: Int, contentType: Span<UInt8>, body: Span<UInt8>, extra: Span<UInt8>, requestID: Span<UInt8>,
        requestIDHeader: Span<UInt8>, isHead: Bool, keepsAlive: Bool, isHTTP10: Bool, date: Span<UInt8>,
        into output: inout ByteBuffer
    ) {
        HeadWriter.statusLine(status, to: &output)
        HeadWriter.field("Date", date, to: &output)
        output.append("Content-Type: ")
        output.append(contentType)
        output.append("\r\nContent-Length: ")
        output.append(decimal: UInt64(body.count))
        output.append("\r\n")
        if !hasLine(extra, "cache-control:") { output.append("Cache-Control: no-store\r\n") }
        if !requestID.isEmpty {
            output.append(requestIDHeader)
            output.append(": ")
            output.append(requestID)
            output.append("\r\n")
        }
        output.append(extra)
        if !keepsAlive {
            output.append("Connection: close\r\n")
        } else if isHTTP10 {
            output.append("Connection: keep-alive\r\n")
        }
        output.append("\r\n")
        if !isHead { output.append(body) }
    }
}
