// SPDX-License-Identifier: Apache-2.0
import Wire

/// Writes events in the Elastic Common Schema, version 9; what it has no place for stands under `loginward`. Pure.
enum ECSEncoder {
    static func encode(_ event: EventFields) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("@timestamp", event["time"])
        json.field("message", event.summary)
        json.open("ecs")
        json.field("version", "9.0.0")
        json.endObject()
        what(event, &json)
        json.open("service")
        json.field("name", event["service"])
        json.endObject()
        json.open("observer")
        json.field("vendor", "Loginward")
        json.field("product", "Loginward")
        json.field("type", "proxy")
        json.field("version", OTLPEncoder.version.description)
        json.endObject()
        who(event, &json)
        exchange(event, &json)
        if let rule = event["verdict.rule"] {
            json.open("rule")
            json.field("id", rule)
            json.endObject()
        }
        rest(event, &json)
        json.endObject()
        return json.bytes
    }

    /// Categories and their types as the schema allows them together.
    private static func kinds(_ event: EventFields) -> (categories: [String], types: [String]) {
        switch event.name {
        case "users.signup": (["iam"], ["user", "creation"])
        case "users.password_reset": (["iam"], ["user", "change"])
        case _ where event.isBlocked: (["authentication", "intrusion_detection"], ["start", "denied"])
        case "users.login.success", "users.login.failure", "users.mfa.success", "users.mfa.failure":
            (["authentication"], ["start"])
        default: (["authentication"], ["info"])
        }
    }

    private static func what(_ event: EventFields, _ json: inout JSONWriter) {
        let (categories, types) = kinds(event)
        json.open("event")
        json.field("id", event["id"])
        json.field("kind", event.isBlocked ? "alert" : "event")
        list("category", categories.map { Array($0.utf8) }, &json)
        list("type", types.map { Array($0.utf8) }, &json)
        json.field("action", event["event"])
        json.field("outcome", event.outcome?.text)
        json.field("module", "loginward")
        json.field("dataset", "loginward.login")
        json.field("reason", event["verdict.reason"])
        json.field("duration", event.text("duration_ms").flatMap { Double($0) }.map { Int64($0 * 1_000_000) })
        json.endObject()
    }

    private static func who(_ event: EventFields, _ json: inout JSONWriter) {
        let (login, id) = (event["usr.login"], event["usr.id"])
        if login != nil || id != nil {
            json.open("user")
            json.field("name", login)
            json.field("id", id)
            json.endObject()
        }
        guard let client = event["http.client_ip"] else { return }
        json.open("source")
        json.field("ip", client)
        json.endObject()
        json.open("client")
        json.field("ip", client)
        json.endObject()
        json.open("related")
        let peer = event["http.peer_ip"]
        list("ip", peer == client ? [client] : [client] + (peer.map { [$0] } ?? []), &json)
        if let login { list("user", [login], &json) }
        json.endObject()
    }

    private static func exchange(_ event: EventFields, _ json: inout JSONWriter) {
        json.open("http")
        json.field("version", event["http.version"])
        json.open("request")
        json.field("method", event["http.method"])
        json.field("id", event["request_id"])
        json.endObject()
        if let status = event.number("http.status_code") {
            json.open("response")
            json.field("status_code", status)
            json.endObject()
        }
        json.endObject()
        json.open("url")
        json.field("path", event["http.path"])
        json.field("domain", event["http.host"])
        json.endObject()
        if let agent = event["http.user_agent"] {
            json.open("user_agent")
            json.field("original", agent)
            json.endObject()
        }
        guard let version = event.text("tls.version") else { return }
        json.open("tls")
        json.field("version_protocol", "tls")
        json.field("version", version.hasPrefix("TLSv") ? String(version.dropFirst(4)) : version)
        json.field("cipher", event["tls.cipher"])
        if let name = event["tls.server_name"] {
            json.open("client")
            json.field("server_name", name)
            json.endObject()
        }
        json.endObject()
    }

    private static func rest(_ event: EventFields, _ json: inout JSONWriter) {
        json.open("loginward")
        json.field("route", event["route"])
        json.field("user_exists", event.flag("usr.exists"))
        json.field("verdict", event["verdict.action"])
        json.field("blocked", event.isBlocked)
        json.group("fingerprint", event.all(below: "fingerprint."))
        json.group("tags", event.all(below: "tags."))
        json.endObject()
    }

    private static func list(_ key: StaticString, _ texts: [[UInt8]], _ json: inout JSONWriter) {
        json.key(key)
        json.beginArray()
        for text in texts { json.string(text.span) }
        json.endArray()
    }
}
