// SPDX-License-Identifier: Apache-2.0
import Rules
import Wire

/// Datadog's addresses as our subjects. What only an application knows has none.
enum DatadogAddress {
    /// One step of a key path: the key of a map, or the place in a list.
    enum Step: Equatable {
        case key(String)
        case place(Int)

        var bytes: [UInt8] {
            switch self {
            case .key(let key): Array(key.utf8)
            case .place(let place): Array(String(place).utf8)
            }
        }
    }

    /// How the values of an address are found.
    private enum Shape {
        case scalar(Subject)
        case query, cookies, requestFields(withCookies: Bool), requestBody, responseFields, responseBody, fileNames
    }

    private static let shapes: [String: Shape] = [
        "http.client_ip": .scalar(.clientIP), "server.request.method": .scalar(.method),
        "server.request.uri.raw": .scalar(.target), "server.request.query": .query,
        "server.request.headers": .requestFields(withCookies: true),
        "server.request.headers.no_cookies": .requestFields(withCookies: false), "server.request.cookies": .cookies,
        "server.request.body": .requestBody, "server.request.body.filenames": .fileNames,
        "server.response.status": .scalar(.status), "server.response.headers": .responseFields,
        "server.response.headers.no_cookies": .responseFields, "server.response.body": .responseBody,
        "usr.id": .scalar(.userID), "usr.login": .scalar(.userLogin),
    ]

    /// What fingerprint processors put out, by the name of their generator.
    static let generators: [String: Subject] = [
        "http_endpoint_fingerprint": .fingerprintHTTP, "http_header_fingerprint": .fingerprintHeader,
        "http_network_fingerprint": .fingerprintNetwork, "session_fingerprint": .fingerprintSession,
    ]

    static let fingerprints: [String: Subject] = [
        "_dd.appsec.fp.http.endpoint": .fingerprintHTTP, "_dd.appsec.fp.http.header": .fingerprintHeader,
        "_dd.appsec.fp.http.network": .fingerprintNetwork, "_dd.appsec.fp.session": .fingerprintSession,
    ]

    static func isKnown(_ address: String, _ outputs: [String: Subject]) -> Bool {
        shapes[address] != nil || outputs[address] != nil
    }

    /// The subjects that hold what the path leads to. All values of a repeated name count, whatever place is asked for, as an attacker may repeat
    /// it; the fields of a form have no places. Empty: nothing can stand there.
    static func subjects(_ address: String, _ path: [Step], keysOnly: Bool, outputs: [String: Subject]) -> [Subject] {
        if let subject = outputs[address] { return path.isEmpty && !keysOnly ? [subject] : [] }
        guard let shape = shapes[address] else { return [] }
        switch shape {
        case .scalar(let subject): return path.isEmpty && !keysOnly ? [subject] : []
        case .fileNames: return keysOnly || path.count > 1 ? [] : [.fileNames]
        case .query:
            if keysOnly { return path.isEmpty ? [.queryNames] : [] }
            return flat(path, all: .queryValues) { .queryValue($0) }
        case .cookies:
            if keysOnly { return path.isEmpty ? [.cookieNames] : [] }
            return flat(path, all: .cookies) { .cookie($0) }
        case .requestFields(let withCookies):
            if keysOnly { return path.isEmpty ? [.headerNames] : [] }
            return flat(path, all: withCookies ? .headers : .headersNoCookies) { .header($0.map(lowercased)) }
        case .responseFields:
            if keysOnly { return path.isEmpty ? [.responseHeaderNames] : [] }
            return flat(path, all: .responseHeaders) { .responseHeader($0.map(lowercased)) }
        case .requestBody: return trees(path) { keysOnly ? .bodyNames($0) : .bodyTree($0) }
        case .responseBody: return trees(path) { keysOnly ? .responseBodyNames($0) : .responseBodyTree($0) }
        }
    }

    /// Whether names below the address are divided by dots, for exclusions.
    static func isTree(_ address: String) -> Bool {
        address == "server.request.body" || address == "server.response.body"
    }

    /// The address is there in every exchange, so that "not there" can be said of its parts.
    static func isAlwaysThere(_ address: String) -> Bool {
        switch shapes[address] {
        case .scalar, .query, .cookies, .requestFields, .responseFields: true
        case .requestBody, .responseBody, .fileNames, nil: false
        }
    }

    /// A map of names to lists of texts: a name, then perhaps a place.
    private static func flat(_ path: [Step], all: Subject, _ named: ([UInt8]) -> Subject) -> [Subject] {
        switch path.count {
        case 0: return [all]
        case 1: return [named(path[0].bytes)]
        case 2: if case .place = path[1] { return [named(path[0].bytes)] }
        default: break
        }
        return []
    }

    private static func trees(_ path: [Step], _ below: ([UInt8]) -> Subject) -> [Subject] {
        func dotted(_ path: ArraySlice<Step>) -> [UInt8] { Array(path.map(\.bytes).joined(separator: [46])) }
        guard case .place(let place)? = path.last else { return [below(dotted(path[...]))] }
        let form = below(dotted(path.dropLast()))
        return place < 0 ? [form] : [below(dotted(path[...])), form]
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 { ByteSearch.lowercased(byte) }
}
