// SPDX-License-Identifier: Apache-2.0
import Wire

/// What an endpoint answers. A value.
struct AdminResponse: Sendable {
    var status = 200
    var contentType = "application/json"
    var body: [UInt8] = []
    /// Methods that are allowed, said with 405.
    var allow: String?

    static func text(_ text: String, status: Int = 200) -> AdminResponse {
        AdminResponse(status: status, contentType: "text/plain; charset=utf-8", body: Array(text.utf8))
    }

    /// RFC 9457.
    static func problem(_ status: Int, _ title: String, _ details: [String] = []) -> AdminResponse {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("title")
        writer.string(title)
        writer.key("status")
        writer.number(Int64(status))
        if !details.isEmpty {
            writer.key("problems")
            writer.beginArray()
            for detail in details { writer.string(detail) }
            writer.endArray()
        }
        writer.endObject()
        return AdminResponse(status: status, contentType: "application/problem+json", body: writer.bytes + [10])
    }

    func write(isHead: Bool, to output: inout ByteBuffer) {
        output.append("HTTP/1.1 ")
        output.append(decimal: UInt64(status))
        output.append(" ")
        output.append(HeadWriter.reasonPhrase(status))
        output.append("\r\nContent-Type: ")
        output.append(Array(contentType.utf8))
        output.append("\r\nContent-Length: ")
        output.append(decimal: UInt64(body.count))
        output.append("\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n")
        if let allow {
            output.append("Allow: ")
            output.append(Array(allow.utf8))
            output.append("\r\n")
        }
        output.append("Connection: close\r\n\r\n")
        if !isHead { output.append(body) }
    }
}
