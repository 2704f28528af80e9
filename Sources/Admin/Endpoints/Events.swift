// SPDX-License-Identifier: Apache-2.0
import Wire

/// `/api/v1/events?limit=&login=&ip=`: the newest login events of the archive as one JSON array.
enum Events {
    private static let largestLimit = 10_000

    static func respond(_ actions: AdminActions, query: String) -> AdminResponse {
        var values = NamedValues()
        FormReader.read(Array(query.utf8).span, into: &values)
        var limit = 100
        if let text = value("limit", values) {
            guard let number = Int(text), number > 0, number <= largestLimit else {
                return .problem(400, "limit must be a number from 1 to \(largestLimit)")
            }
            limit = number
        }
        var client: String?
        if let text = value("ip", values) {
            guard let address = IPAddress(text) else { return .problem(400, "ip must be an address") }
            client = address.description
        }
        switch actions.events(limit, value("login", values), client) {
        case .failure(let trouble): return .problem(trouble.status, trouble.reason)
        case .success(let events):
            return AdminResponse(body: Array(("[" + events.joined(separator: ",\n") + "]\n").utf8))
        }
    }

    private static func value(_ name: String, _ values: NamedValues) -> String? {
        let found = values.entries.first { values.arena[$0.name.bounds].elementsEqual(name.utf8) }
        return found.map { String(decoding: values.arena[$0.value.bounds], as: UTF8.self) }
    }
}
