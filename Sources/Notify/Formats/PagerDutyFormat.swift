// SPDX-License-Identifier: Apache-2.0
import Logins
import Wire

/// PagerDuty's Events API v2: all notices of one attack are one incident, which ends with it. Stateless.
enum PagerDutyFormat {
    static func message(_ notice: Notice, routingKey: String) -> NoticeMessage {
        var json = JSONWriter()
        json.beginObject()
        json.key("routing_key")
        json.string(routingKey)
        json.key("event_action")
        json.string(notice.kind == .closed ? "resolve" : "trigger")
        json.key("dedup_key")
        json.string(String(notice.incident.prefix(255)))
        json.key("payload")
        writePayload(notice, &json)
        json.key("client")
        json.string("Loginward")
        json.endObject()
        return .json(json.bytes)
    }

    private static func writePayload(_ notice: Notice, _ json: inout JSONWriter) {
        json.beginObject()
        json.key("summary")
        json.string(String(notice.title.prefix(1_024)))
        json.key("source")
        json.string(notice.host)
        json.key("severity")
        json.string(severity(notice.severity))
        json.key("timestamp")
        json.string(Notice.date(notice.unixSeconds))
        json.key("component")
        json.string("login")
        json.key("group")
        json.string(notice.signal)
        json.key("class")
        json.string(notice.type.rawValue)
        json.key("custom_details")
        json.beginObject()
        for fact in notice.facts {
            json.key(Array(fact.name.utf8).span)
            json.string(fact.value)
        }
        let (names, more) = notice.names(limit: 100)
        json.key("Names")
        json.beginArray()
        for name in names { json.string(name) }
        if more > 0 { json.string("and \(more) more") }
        json.endArray()
        json.key("Traits")
        json.beginArray()
        for trait in notice.traits.prefix(10) { json.string(Notice.plain(Array(trait.utf8))) }
        json.endArray()
        json.endObject()
        json.endObject()
    }

    private static func severity(_ severity: Severity) -> String {
        switch severity {
        case .low: "info"
        case .medium: "warning"
        case .high: "error"
        case .critical: "critical"
        }
    }
}
