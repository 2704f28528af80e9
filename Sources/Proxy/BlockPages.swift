// SPDX-License-Identifier: Apache-2.0
import Wire

/// The pages that a refused client sees, HTML or JSON, chosen by its Accept. What stands in braces is replaced when written.
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

    static func contains(_ text: Span<UInt8>, _ word: Span<UInt8>) -> Bool {
        if text.count < word.count { return false }
        var start = 0
        while start + word.count <= text.count {
            if ByteSearch.equalsIgnoringCase(text.extracting(start..<(start + word.count)), word) { return true }
            start += 1
        }
        return false
    }

    /// See `AnswerTemplate` for the places in it.
    func template(_ format: Format) -> [UInt8] { format == .html ? html : json }

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
