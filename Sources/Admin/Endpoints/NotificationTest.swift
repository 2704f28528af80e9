// SPDX-License-Identifier: Apache-2.0
import Wire

/// `/api/v1/notifications/test?name=NAME`: sends an invented notice to one target and waits for its word.
enum NotificationTest {
    static func name(in query: String) -> String {
        var values = NamedValues()
        FormReader.read(Array(query.utf8).span, into: &values)
        guard let index = values.first(named: "name".utf8.span) else { return "" }
        return String(decoding: values.arena[values.entries[index].value.bounds], as: UTF8.self)
    }

    /// `trouble` of a name that nobody has is the list of those that there are.
    static func respond(isKnown: Bool, trouble: String?) -> AdminResponse {
        if !isKnown { return .problem(404, "no notification has this name", [trouble ?? ""]) }
        if let trouble { return .problem(502, "the message was not delivered: \(trouble)") }
        return AdminResponse(body: Array("{\"delivered\":true}\n".utf8))
    }
}
