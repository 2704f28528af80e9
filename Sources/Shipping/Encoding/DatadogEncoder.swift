// SPDX-License-Identifier: Apache-2.0
import Wire

/// Writes events as logs for Datadog: its reserved and standard attributes where there are some, and the names that its account takeover guide searches for. Pure.
enum DatadogEncoder {
    static func encode(_ event: EventFields, host: String) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("ddsource", "loginward")
        json.field("service", event["service"])
        json.field("hostname", host)
        json.field("status", event.isBlocked || event.outcome == .failure ? "warn" : "info")
        json.field("timestamp", Int64(clamping: event.unixNanoseconds / 1_000_000))
        json.field("message", event.summary)
        json.open("evt")
        json.field("id", event["id"])
        json.field("name", event["event"])
        json.field("category", "authentication")
        json.field("outcome", event.outcome?.text)
        json.endObject()
        json.open("usr")
        json.field("login", event["usr.login"])
        json.field("name", event["usr.login"])
        json.field("id", event["usr.id"])
        json.field("exists", event.flag("usr.exists"))
        json.endObject()
        if let client = event["http.client_ip"] {
            json.open("network")
            json.open("client")
            json.field("ip", client)
            json.endObject()
            json.endObject()
        }
        exchange(event, &json)
        // The unit of this attribute is the nanosecond.
        json.field("duration", event.text("duration_ms").flatMap { Double($0) }.map { Int64($0 * 1_000_000) })
        json.open("appsec")
        json.field("blocked", event.isBlocked)
        json.field("rule", event["verdict.rule"])
        json.field("reason", event["verdict.reason"])
        json.endObject()
        json.open("loginward")
        json.field("route", event["route"])
        json.field("verdict", event["verdict.action"])
        json.group("fingerprint", event.all(below: "fingerprint."))
        json.group("tags", event.all(below: "tags."))
        json.endObject()
        json.endObject()
        return json.bytes
    }

    private static func exchange(_ event: EventFields, _ json: inout JSONWriter) {
        json.open("http")
        json.field("method", event["http.method"])
        json.field("status_code", event.number("http.status_code"))
        json.field("client_ip", event["http.client_ip"])
        json.field("useragent", event["http.user_agent"])
        json.field("user_agent", event["http.user_agent"])
        json.field("version", event["http.version"])
        json.field("request_id", event["request_id"])
        json.open("url_details")
        json.field("host", event["http.host"])
        json.field("path", event["http.path"])
        json.endObject()
        json.endObject()
    }
}
