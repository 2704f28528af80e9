// SPDX-License-Identifier: Apache-2.0

/// Writes heads and chunks. Every line is built anew from parsed parts, one space and CRLF, so that nothing of a peer's spelling passes.
/// Stateless; the buffer belongs to the caller.
public enum HeadWriter {
    /// The absolute form becomes the origin form, which is what an origin is asked with (RFC 9112 §3.2.1); the version is our own.
    public static func requestLine(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>, to output: inout ByteBuffer
    ) {
        output.append(bytes.slice(head.methodRange))
        output.append(" ")
        if head.form != .absolute {
            output.append(bytes.slice(head.target))
        } else {
            if !head.path.isEmpty {
                output.append(bytes.slice(head.path))
            } else {
                // OPTIONS without path and query speaks of the server as a whole (RFC 9112 §3.2.4).
                output.append(head.method == .options && head.query == nil ? "*" : "/")
            }
            if let query = head.query {
                output.append("?")
                output.append(bytes.slice(query))
            }
        }
        output.append(" HTTP/1.1\r\n")
    }

    public static func statusLine(_ status: Int, reason: Span<UInt8>, to output: inout ByteBuffer) {
        output.append("HTTP/1.1 ")
        output.append(decimal: UInt64(max(0, status)))
        output.append(" ")
        output.append(reason)
        output.append("\r\n")
    }

    public static func statusLine(_ status: Int, to output: inout ByteBuffer) {
        output.append("HTTP/1.1 ")
        output.append(decimal: UInt64(max(0, status)))
        output.append(" ")
        output.append(reasonPhrase(status))
        output.append("\r\n")
    }

    public static func field(_ name: Span<UInt8>, _ value: Span<UInt8>, to output: inout ByteBuffer) {
        output.append(name)
        output.append(": ")
        output.append(value)
        output.append("\r\n")
    }

    public static func field(_ name: StaticString, _ value: Span<UInt8>, to output: inout ByteBuffer) {
        output.append(name)
        output.append(": ")
        output.append(value)
        output.append("\r\n")
    }

    /// The one framing field of a message: a length, or `chunked`; nothing for the other framings.
    public static func framing(_ framing: BodyFraming, to output: inout ByteBuffer) {
        switch framing {
        case .none, .untilClose: break
        case .length(let count):
            output.append("Content-Length: ")
            output.append(decimal: count)
            output.append("\r\n")
        case .chunked: output.append("Transfer-Encoding: chunked\r\n")
        }
    }

    /// One chunk with `data`; nothing for no data, since a chunk of size zero is the end.
    public static func chunk(_ data: Span<UInt8>, to output: inout ByteBuffer) {
        if data.isEmpty { return }
        var shift = 60
        while data.count >> shift == 0 { shift -= 4 }
        while shift >= 0 {
            let digit = UInt8(truncatingIfNeeded: (data.count >> shift) & 15)
            output.append(digit < 10 ? 48 + digit : 87 + digit)
            shift -= 4
        }
        output.append("\r\n")
        output.append(data)
        output.append("\r\n")
    }

    /// The last chunk and the trailer fields, which are ranges into `bytes`.
    public static func lastChunk(
        trailers: borrowing [HeadField], _ bytes: Span<UInt8>, to output: inout ByteBuffer
    ) {
        output.append("0\r\n")
        for index in trailers.indices {
            field(bytes.slice(trailers[index].name), bytes.slice(trailers[index].value), to: &output)
        }
        output.append("\r\n")
    }

    /// The phrase of RFC 9110 §15 for a status.
    public static func reasonPhrase(_ status: Int) -> StaticString {
        switch status {
        case 200: "OK"
        case 204: "No Content"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 303: "See Other"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 410: "Gone"
        case 411: "Length Required"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 421: "Misdirected Request"
        case 422: "Unprocessable Content"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 451: "Unavailable For Legal Reasons"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: status < 300 ? "OK" : status < 400 ? "Redirect" : status < 500 ? "Refused" : "Error"
        }
    }
}
