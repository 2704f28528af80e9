// SPDX-License-Identifier: Apache-2.0
import Wire

/// The pages that a refused client sees, HTML or JSON, chosen by its Accept. `{id}` (or `{request_id}`) and `{status}` are replaced when written.
/// Immutable, part of the policy.
package struct BlockPages: Sendable {
    private let html: [UInt8]
    private let json: [UInt8]

    /// nil: the built-in page.
    package init(html: String?, json: String?) {
        self.html = Array((html ?? BlockPages.builtInHTML).utf8)
        self.json = Array((json ?? BlockPages.builtInJSON).utf8)
    }

    enum Format {
        case html, json

        var contentType: String {
            switch self {
            case .html: "text/html; charset=utf-8"
            case .json: "application/json"
            }
        }
    }

    /// JSON for a client that names JSON and not HTML; HTML for one that names HTML; a client that says nothing gets JSON,
    /// as it is hardly a browser.
    static func format(accept: Span<UInt8>) -> Format {
        if contains(accept, "html".utf8.span) { return .html }
        return .json
    }

    private static func contains(_ text: Span<UInt8>, _ word: Span<UInt8>) -> Bool {
        if text.count < word.count { return false }
        var start = 0
        while start + word.count <= text.count {
            if ByteSearch.equalsIgnoringCase(text.extracting(start..<(start + word.count)), word) { return true }
            start += 1
        }
        return false
    }

    /// The page for one response. `id` holds only characters that need no escaping: it is checked where it is taken over.
    func render(_ format: Format, status: Int, id: Span<UInt8>, into out: inout [UInt8]) {
        let template = format == .html ? html : json
        let bytes = template.span
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "{") {
                if BlockPages.matches(bytes, at: index, "{id}".utf8.span) {
                    out.append(id)
                    index += 4
                    continue
                }
                if BlockPages.matches(bytes, at: index, "{request_id}".utf8.span) {
                    out.append(id)
                    index += 12
                    continue
                }
                if BlockPages.matches(bytes, at: index, "{status}".utf8.span) {
                    out.append(contentsOf: String(status).utf8)
                    index += 8
                    continue
                }
            }
            out.append(bytes[index])
            index += 1
        }
    }

    private static func matches(_ bytes: Span<UInt8>, at index: Int, _ word: Span<UInt8>) -> Bool {
        index + word.count <= bytes.count
            && ByteSearch.equals(bytes.extracting(index..<(index + word.count)), word)
    }

    private static let builtInHTML = """
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        <title>Request refused</title>
        <style>body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem}code{color:#666}</style>
        </head><body><h1>Request refused</h1>
        <p>This request was stopped for security reasons. If you think that this is a mistake, tell the operator this number:</p>
        <p><code>{id}</code></p></body></html>

        """

    private static let builtInJSON = """
        {"error":"request refused","status":{status},"response_id":"{id}"}

        """
}
