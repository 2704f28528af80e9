// SPDX-License-Identifier: Apache-2.0
import Wire

/// `/api/v1/coverage`: how well logins are seen, and what is wrong with it.
enum Coverage {
    static func respond(_ actions: AdminActions) -> AdminResponse { AdminResponse(body: actions.coverage() + [10]) }
}

/// `POST /api/v1/events`: an application reports its own events. 202 when they were taken over.
enum EventReport {
    static func respond(_ actions: AdminActions, body: [UInt8], contentType: String) -> AdminResponse {
        // A page in an operator's browser cannot send this type to us without being asked for it first (CORS).
        if !contentType.hasPrefix("application/json") && !contentType.hasPrefix("application/x-ndjson") {
            return .problem(415, "events are application/json or application/x-ndjson")
        }
        switch actions.report(body) {
        case .failure(let trouble): return .problem(trouble.status, trouble.reason)
        case .success(let count):
            var writer = JSONWriter()
            writer.beginObject()
            writer.key("taken")
            writer.number(Int64(count))
            writer.endObject()
            return AdminResponse(status: 202, body: writer.bytes + [10])
        }
    }
}
