// SPDX-License-Identifier: Apache-2.0
import Wire

/// `POST /reload`: waits for the outcome; 409 with every problem when the old configuration stays.
enum Reload {
    static func respond(generation: Int, needsRestart: [String], problems: [String]) -> AdminResponse {
        if !problems.isEmpty { return .problem(409, "the old configuration stays", problems) }
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("generation")
        writer.number(Int64(generation))
        if !needsRestart.isEmpty {
            writer.key("needs_restart")
            writer.beginArray()
            for setting in needsRestart { writer.string(setting) }
            writer.endArray()
        }
        writer.endObject()
        return AdminResponse(body: writer.bytes + [10])
    }
}
