// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@testable import Shipping

/// Events in the words of others: every key that we write exists in the published schema, and none that must be there is missing.
@Suite struct VocabularyTests {
    static let events: [String] = [
        "success", "failure", "blocked", "bare", "signup", "password_reset", "lockout", "custom",
    ]

    private static func line(_ kind: String) -> [UInt8] {
        let names = [
            "success": "users.login.success", "signup": "users.signup", "password_reset": "users.password_reset",
            "lockout": "users.lockout", "custom": "cart.checkout",
        ]
        let name = names[kind] ?? "users.login.failure"
        if kind == "bare" {
            return Array(#"{"id":"01","time":"2026-11-24T12:00:00.123456Z","event":"\#(name)","service":"sso"}"#.utf8)
        }
        let isBlocked = kind == "blocked"
        let verdict =
            isBlocked ? #"{"action":"block","rule":"r1","reason":"deny list"}"# : #"{"action":"allow"}"#
        return Array(
            (#"{"id":"01J","time":"2026-11-24T12:00:00.123456Z","event":"\#(name)","service":"sso","route":"web","#
                + #""usr":{"login":"al\"ice|=","id":"u-42","exists":false},"http":{"client_ip":"203.0.113.9","peer_ip":"10.0.0.5","#
                + #""method":"POST","path":"/login","host":"login.example.com","version":"1.1","status_code":401,"#
                + #""user_agent":"x/1","header_names":["Host"]},"fingerprint":{"http":"h1"},"tls":{"version":"TLSv1.3","cipher":"c"},"#
                + #""verdict":\#(verdict),"blocked":\#(isBlocked),"tags":{"a":"b"},"duration_ms":38.250,"request_id":"r"}"#)
                .utf8)
    }

    private func encode(_ kind: String, _ write: (EventFields) -> [UInt8]) throws -> [String: String] {
        var event = EventFields()
        let isRead = event.read(Self.line(kind))
        #expect(isRead)
        var values = NamedValues()
        try JSONReader.read(write(event).span, into: &values)
        var found: [String: String] = [:]
        for entry in values.entries {
            let name = String(decoding: values.arena[entry.name.bounds], as: UTF8.self)
            #expect(found[name] == nil, "\(name) stands twice")
            found[name] = String(decoding: values.arena[entry.value.bounds], as: UTF8.self)
        }
        return found
    }

    /// Keys of OCSF 1.8.0 that may stand in Authentication (3002) and Account Change (3001) with the profile security_control; "*": anything below.
    private static let shared: Set = [
        "metadata.version", "metadata.product.name", "metadata.product.vendor_name", "metadata.product.version",
        "metadata.profiles.0", "metadata.uid", "metadata.correlation_uid", "metadata.logged_time", "category_uid",
        "class_uid", "activity_id", "activity_name", "type_uid", "time", "severity_id", "message", "status_id",
        "status",
        "status_code", "status_detail", "user.name", "user.uid", "src_endpoint.ip", "src_endpoint.intermediate_ips.0",
        "http_request.http_method", "http_request.version", "http_request.user_agent", "http_request.url.path",
        "http_request.url.hostname", "http_response.code", "http_response.latency", "action_id", "disposition_id",
        "firewall_rule.uid", "firewall_rule.desc",
    ]
    private static let authentication: Set = [
        "logon_type_id", "is_remote", "is_mfa", "service.name", "dst_endpoint.hostname", "dst_endpoint.svc_name",
    ]
    private static let required: Set = [
        "activity_id", "category_uid", "class_uid", "type_uid", "time", "severity_id", "metadata.version",
        "metadata.product.name",
    ]

    @Test(arguments: events) func `OCSF holds what the schema knows and all that it demands`(kind: String) throws {
        let found = try encode(kind) { OCSFEncoder.encode($0, loggedMilliseconds: 1_795_521_600_124) }
        let isAccountChange = kind == "signup" || kind == "password_reset"
        let known = isAccountChange ? Self.shared : Self.shared.union(Self.authentication)
        for key in found.keys where !key.hasPrefix("unmapped.") { #expect(known.contains(key), "\(key)") }
        for key in Self.required { #expect(found[key] != nil, "\(key)") }
        #expect(found["user.name"] != nil || found["user.uid"] != nil)
        if !isAccountChange { #expect(found["service.name"] == "sso") }
        let number = Int(found["class_uid"] ?? "") ?? 0
        #expect(number == (isAccountChange ? 3001 : 3002))
        #expect(found["type_uid"] == String(number * 100 + (Int(found["activity_id"] ?? "") ?? -1)))
        #expect(found["time"] == "1795521600123")
        #expect(["1", "2", "3", "4", "5"].contains(found["severity_id"]))
        #expect(["0", "1", "2"].contains(found["status_id"]))
    }

    @Test func `OCSF says what came of an attempt`() throws {
        let failure = try encode("failure") { OCSFEncoder.encode($0, loggedMilliseconds: 0) }
        #expect(failure["status_id"] == "2" && failure["status_detail"] == "USER_DOES_NOT_EXIST")
        #expect(failure["activity_id"] == "1" && failure["action_id"] == "1" && failure["disposition_id"] == "1")
        let blocked = try encode("blocked") { OCSFEncoder.encode($0, loggedMilliseconds: 0) }
        #expect(blocked["action_id"] == "2" && blocked["disposition_id"] == "2" && blocked["firewall_rule.uid"] == "r1")
        let lockout = try encode("lockout") { OCSFEncoder.encode($0, loggedMilliseconds: 0) }
        #expect(lockout["status_detail"] == "ACCOUNT_LOCKED_OUT")
        let success = try encode("success") { OCSFEncoder.encode($0, loggedMilliseconds: 0) }
        #expect(success["status_id"] == "1" && success["status_detail"] == nil && success["severity_id"] == "1")
    }

    /// What ECS 9 allows together.
    @Test(arguments: events) func `ECS keeps to its categories and their types`(kind: String) throws {
        let found = try encode(kind) { ECSEncoder.encode($0) }
        let allowed = [
            "authentication": ["start", "end", "info"], "intrusion_detection": ["allowed", "denied", "info"],
            "iam": ["admin", "change", "creation", "deletion", "group", "info", "user"],
        ]
        let categories = (0..<3).compactMap { found["event.category.\($0)"] }
        let types = (0..<3).compactMap { found["event.type.\($0)"] }
        #expect(!categories.isEmpty && !types.isEmpty)
        for type in types { #expect(categories.contains { allowed[$0]?.contains(type) ?? false }, "\(type)") }
        #expect(found["@timestamp"] == "2026-11-24T12:00:00.123456Z" && found["ecs.version"] != nil)
        #expect(["success", "failure", "unknown", nil].contains(found["event.outcome"]))
        #expect(found["event.kind"] == (kind == "blocked" ? "alert" : "event"))
    }

    @Test(arguments: events) func `Datadog gets its reserved attributes`(kind: String) throws {
        let found = try encode(kind) { DatadogEncoder.encode($0, host: "gw1") }
        #expect(found["ddsource"] == "loginward" && found["service"] == "sso" && found["hostname"] == "gw1")
        #expect(found["timestamp"] == "1795521600123" && found["evt.name"] != nil)
        if kind != "bare" { #expect(found["duration"] == "38250000" && found["network.client.ip"] == "203.0.113.9") }
    }

    @Test func `CEF escapes what would end a field`() {
        var event = EventFields()
        let isRead = event.read(Self.line("failure"))
        #expect(isRead)
        let text = String(decoding: CEFEncoder.encode(event), as: UTF8.self)
        #expect(text.hasPrefix("CEF:0|Loginward|loginward|0.1.0|users.login.failure|Login failed|5|rt=1795521600123 "))
        #expect(text.contains(#" duser=al"ice|\= "#))
        #expect(text.contains(" cs1Label=userExists cs1=false "))
    }

    @Test func `what is no event is not read as one`() {
        var event = EventFields()
        for text in ["", "[]", "1", "{", "{\"a\":", "null", "\u{0}"] {
            let isRead = event.read(Array(text.utf8))
            #expect(!isRead, "\(text)")
        }
    }
}
