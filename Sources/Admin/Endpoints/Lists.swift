// SPDX-License-Identifier: Apache-2.0
import Wire

/// `/api/v1/lists?list=deny|allow`: GET shows it (`limit`, `match`, `files=1`), POST adds the lines of the body, DELETE removes them; `…/extend` gives
/// entries another end, `…/preview` says what they would have stopped (`hours`). All lines or none.
package enum Lists {
    package static let contentType = "application/x-loginward-list"

    static func respond(
        _ actions: AdminActions, _ verb: ListQuestion.Verb, query: String, body: [UInt8]
    ) -> AdminResponse {
        var values = NamedValues()
        FormReader.read(Array(query.utf8).span, into: &values)
        var parameters: [String: String] = [:]
        for entry in values.entries {
            parameters[String(decoding: values.arena[entry.name.bounds], as: UTF8.self)] = String(
                decoding: values.arena[entry.value.bounds], as: UTF8.self)
        }
        guard let list = parameters.removeValue(forKey: "list"), list == "deny" || list == "allow" else {
            return .problem(400, "list must be deny or allow")
        }
        switch actions.lists(ListQuestion(verb: verb, list: list, body: body, parameters: parameters)) {
        case .failure(let trouble): return .problem(trouble.status, trouble.reason, trouble.details)
        case .success(let body): return AdminResponse(body: body + [10])
        }
    }
}
