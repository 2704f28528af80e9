// SPDX-License-Identifier: Apache-2.0

/// One answer of the demo, with everything but its length and connection fields.
struct Response {
    var status: Int
    var headers: [(name: String, value: String)] = []
    var body = ""
    /// Seconds to wait before it is sent.
    var delay = 0.0

    static func page(_ status: Int, _ title: String, _ content: String) -> Response {
        let body = """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><title>\(title)</title>
            <style>body { font: 16px/1.5 sans-serif; max-width: 24rem; margin: 4rem auto } label, button { display: block; margin: .5rem 0 }</style>
            </head><body><h1>\(title)</h1>\(content)</body></html>

            """
        return Response(status: status, headers: [("Content-Type", "text/html; charset=utf-8")], body: body)
    }

    static func text(_ status: Int, _ text: String) -> Response {
        Response(status: status, headers: [("Content-Type", "text/plain; charset=utf-8")], body: text + "\n")
    }

    /// `fields` holds plain words only: nothing in it needs escaping.
    static func json(_ status: Int, _ fields: KeyValuePairs<String, String>) -> Response {
        let body = "{" + fields.map { "\"\($0)\":\"\($1)\"" }.joined(separator: ",") + "}\n"
        return Response(status: status, headers: [("Content-Type", "application/json")], body: body)
    }

    static func redirect(to path: String) -> Response {
        Response(status: 302, headers: [("Location", path)])
    }

    func with(_ name: String, _ value: String) -> Response {
        var copy = self
        copy.headers.append((name, value))
        return copy
    }

    func bytes(isHead: Bool, isLast: Bool) -> [UInt8] {
        let reasons = [
            200: "OK", 302: "Found", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found",
            405: "Method Not Allowed",
            413: "Content Too Large", 431: "Request Header Fields Too Large",
        ]
        var text = "HTTP/1.1 \(status) \(reasons[status] ?? "Answer")\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        text += "Content-Length: \(body.utf8.count)\r\n"
        if isLast { text += "Connection: close\r\n" }
        return Array((text + "\r\n" + (isHead ? "" : body)).utf8)
    }
}
