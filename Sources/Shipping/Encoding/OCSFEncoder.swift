// SPDX-License-Identifier: Apache-2.0
import Wire

/// Writes events as OCSF 1.8.0: Authentication (class 3002), and Account Change (3001) for resets and sign-ups. The fields and enumerations are those
/// of the published schema (schema.ocsf.io); what it has no place for stands under `unmapped`. Pure.
enum OCSFEncoder {
    private struct Activity {
        let category: Int64 = 3
        let classNumber: Int64
        let number: Int64
        let name: String
    }

    private static func activity(_ name: String) -> Activity {
        switch name {
        case "users.login.success", "users.login.failure", "users.lockout":
            Activity(classNumber: 3002, number: 1, name: "Logon")
        case "users.mfa.challenge", "users.mfa.success", "users.mfa.failure":
            Activity(classNumber: 3002, number: 6, name: "Preauth")
        case "users.signup": Activity(classNumber: 3001, number: 1, name: "Create")
        case "users.password_reset": Activity(classNumber: 3001, number: 4, name: "Password Reset")
        default: Activity(classNumber: 3002, number: 99, name: name)
        }
    }

    static func encode(_ event: EventFields, loggedMilliseconds: Int64) -> [UInt8] {
        var json = JSONWriter()
        let activity = activity(event.name)
        json.beginObject()
        metadata(event, loggedMilliseconds, &json)
        json.field("category_uid", activity.category)
        json.field("class_uid", activity.classNumber)
        json.field("activity_id", activity.number)
        json.field("activity_name", activity.name)
        json.field("type_uid", activity.classNumber * 100 + activity.number)
        json.field("time", Int64(clamping: event.unixNanoseconds / 1_000_000))
        json.field("severity_id", event.isBlocked ? 3 : event.outcome == .failure ? 2 : 1)
        json.field("message", event.summary)
        status(event, &json)
        if activity.classNumber == 3002 {
            json.field("logon_type_id", 3)
            json.field("is_remote", true)
            if event.name.hasPrefix("users.mfa.") { json.field("is_mfa", true) }
            json.open("service")
            json.field("name", event["service"] ?? [])
            json.endObject()
        }
        user(event, &json)
        endpoints(event, isLogon: activity.classNumber == 3002, &json)
        exchange(event, &json)
        verdict(event, &json)
        unmapped(event, &json)
        json.endObject()
        return json.bytes
    }

    private static func metadata(_ event: EventFields, _ logged: Int64, _ json: inout JSONWriter) {
        json.open("metadata")
        json.field("version", "1.8.0")
        json.open("product")
        json.field("name", "Loginward")
        json.field("vendor_name", "Loginward")
        json.field("version", OTLPEncoder.version.description)
        json.endObject()
        json.key("profiles")
        json.beginArray()
        json.string("security_control")
        json.endArray()
        json.field("uid", event["id"])
        json.field("correlation_uid", event["request_id"])
        json.field("logged_time", logged)
        json.endObject()
    }

    private static func status(_ event: EventFields, _ json: inout JSONWriter) {
        switch event.outcome {
        case .success:
            json.field("status_id", 1)
            json.field("status", "Success")
        case .failure:
            json.field("status_id", 2)
            json.field("status", "Failure")
        case .unknown, nil:
            json.field("status_id", 0)
            json.field("status", "Unknown")
        }
        json.field("status_code", event["http.status_code"])
        guard event.outcome == .failure, !event.isBlocked else { return }
        if event.name == "users.lockout" {
            json.field("status_detail", "ACCOUNT_LOCKED_OUT")
        } else if event.flag("usr.exists") == false {
            json.field("status_detail", "USER_DOES_NOT_EXIST")
        } else if event.isLogin {
            json.field("status_detail", "INVALID_CREDENTIALS")
        }
    }

    /// The schema wants a name or an identifier, also where nobody told one.
    private static func user(_ event: EventFields, _ json: inout JSONWriter) {
        json.open("user")
        json.field("name", event["usr.login"] ?? (event["usr.id"] == nil ? Array("unknown".utf8) : nil))
        json.field("uid", event["usr.id"])
        json.endObject()
    }

    private static func endpoints(_ event: EventFields, isLogon: Bool, _ json: inout JSONWriter) {
        if let client = event["http.client_ip"] {
            json.open("src_endpoint")
            json.field("ip", client)
            if let peer = event["http.peer_ip"], peer != client {
                json.key("intermediate_ips")
                json.beginArray()
                json.string(peer.span)
                json.endArray()
            }
            json.endObject()
        }
        // Account Change has none in the schema.
        if !isLogon { return }
        json.open("dst_endpoint")
        json.field("hostname", event["http.host"])
        json.field("svc_name", event["service"] ?? [])
        json.endObject()
    }

    private static func exchange(_ event: EventFields, _ json: inout JSONWriter) {
        if let method = event["http.method"] {
            json.open("http_request")
            json.field("http_method", method)
            json.field("version", event["http.version"])
            json.field("user_agent", event["http.user_agent"])
            json.open("url")
            json.field("path", event["http.path"])
            json.field("hostname", event["http.host"])
            json.endObject()
            json.endObject()
        }
        if let code = event.number("http.status_code") {
            json.open("http_response")
            json.field("code", code)
            json.field("latency", event.durationMilliseconds)
            json.endObject()
        }
    }

    private static func verdict(_ event: EventFields, _ json: inout JSONWriter) {
        let (action, disposition): (Int64, Int64) =
            switch event.text("verdict.action") {
            case "allow": (1, 1)
            case "block": (2, 2)
            case "monitor": (3, 15)
            default: (0, 0)
            }
        json.field("action_id", action)
        json.field("disposition_id", disposition)
        if let rule = event["verdict.rule"] {
            json.open("firewall_rule")
            json.field("uid", rule)
            json.field("desc", event["verdict.reason"])
            json.endObject()
        }
    }

    private static func unmapped(_ event: EventFields, _ json: inout JSONWriter) {
        json.open("unmapped")
        json.open("loginward")
        json.field("event", event["event"])
        json.field("route", event["route"])
        json.field("user_exists", event.flag("usr.exists"))
        json.field("outcome", event.outcome?.text)
        json.group("fingerprint", event.all(below: "fingerprint."))
        json.group("tags", event.all(below: "tags."))
        json.endObject()
        json.endObject()
    }
}
