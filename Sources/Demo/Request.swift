// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials

/// One request as the demo understands it: text, read anew. It shares no code with the daemon, so that a misreading there cannot
/// hide behind the same misreading here.
struct Request {
    let method: String
    let path: String
    let query: [String: String]
    let headers: [String: String]
    let body: [UInt8]
    let isLast: Bool

    enum Reading {
        case incomplete
        case refused(status: Int)
        case request(Request, length: Int)
    }

    static let largestHead = 65_536
    static let largestBody = 1_048_576

    /// Reads the first request of `bytes`.
    static func read(_ bytes: [UInt8]) -> Reading {
        guard let end = position(of: [13, 10, 13, 10], in: bytes, from: 0) else {
            return bytes.count > largestHead ? .refused(status: 431) : .incomplete
        }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard words.count == 3, words[2].hasPrefix("HTTP/1.") else { return .refused(status: 400) }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { return .refused(status: 400) }
            headers[line[..<colon].lowercased()] = trimmed(line[line.index(after: colon)...])
        }
        let body: [UInt8]
        var length = end + 4
        if headers["transfer-encoding"]?.lowercased() == "chunked" {
            switch chunks(bytes, from: &length) {
            case .some(.some(let whole)): body = whole
            case .some(.none): return .incomplete
            case .none: return .refused(status: 400)
            }
        } else {
            guard let size = Int(headers["content-length"] ?? "0"), size >= 0 else { return .refused(status: 400) }
            if size > largestBody { return .refused(status: 413) }
            if bytes.count - length < size { return .incomplete }
            body = Array(bytes[length..<length + size])
            length += size
        }
        let target = words[1].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let connection = headers["connection"]?.lowercased() ?? ""
        let request = Request(
            method: words[0], path: target[0], query: form(target.count > 1 ? target[1] : ""), headers: headers,
            body: body,
            isLast: connection == "close" || (words[2] == "HTTP/1.0" && connection != "keep-alive"))
        return .request(request, length: length)
    }

    /// A chunked body; inner nil when more must come, outer nil when it is wrong or too long. Trailers are passed over.
    private static func chunks(_ bytes: [UInt8], from offset: inout Int) -> [UInt8]?? {
        var body: [UInt8] = []
        var place = offset
        while true {
            guard let end = position(of: [13, 10], in: bytes, from: place) else { return .some(nil) }
            let digits = String(decoding: bytes[place..<end], as: UTF8.self).prefix { $0 != ";" }
            guard let size = Int(digits, radix: 16), size >= 0, body.count + size <= largestBody else { return nil }
            place = end + 2
            if size == 0 { break }
            if bytes.count < place + size + 2 { return .some(nil) }
            body += bytes[place..<place + size]
            place += size + 2
        }
        while true {
            guard let end = position(of: [13, 10], in: bytes, from: place) else { return .some(nil) }
            let isEmpty = end == place
            place = end + 2
            if isEmpty { break }
        }
        offset = place
        return body
    }

    /// Name and password, from a form or from JSON.
    var credentials: (name: String, password: String)? {
        if isJSON {
            struct Fields: Decodable {
                let username: String
                let password: String
            }
            guard let fields = try? JSONDecoder().decode(Fields.self, from: Data(body)) else { return nil }
            return (fields.username, fields.password)
        }
        let fields = Self.form(String(decoding: body, as: UTF8.self))
        guard let name = fields["username"], let password = fields["password"] else { return nil }
        return (name, password)
    }

    var isJSON: Bool { headers["content-type"]?.lowercased().hasPrefix("application/json") ?? false }

    func cookie(_ name: String) -> String? {
        for pair in (headers["cookie"] ?? "").split(separator: ";") {
            let parts = pair.split(separator: "=", maxSplits: 1)
            if parts.count == 2 && Self.trimmed(parts[0]) == name { return Self.trimmed(parts[1]) }
        }
        return nil
    }

    private static func form(_ text: String) -> [String: String] {
        var fields: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            fields[decoded(parts[0])] = parts.count > 1 ? decoded(parts[1]) : ""
        }
        return fields
    }

    private static func decoded(_ text: Substring) -> String {
        var result: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                result.append(value)
                rest = rest.dropFirst(2)
            } else {
                result.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func trimmed(_ text: Substring) -> String {
        String(text.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }

    private static func position(of needle: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
        var place = start
        while place + needle.count <= bytes.count {
            if bytes[place] == needle[0] && bytes[place..<place + needle.count].elementsEqual(needle) { return place }
            place += 1
        }
        return nil
    }
}
