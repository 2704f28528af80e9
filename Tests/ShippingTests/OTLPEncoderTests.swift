// SPDX-License-Identifier: Apache-2.0
import Testing
import Wire

@testable import Shipping

private let failure = """
    {"id":"01J","time":"2026-11-23T12:08:50.123456Z","event":"users.login.failure","service":"sso","route":"password",\
    "usr":{"login":"al\\"ice","id":"42","exists":true},"http":{"client_ip":"203.0.113.9","peer_ip":"10.0.0.1",\
    "method":"POST","path":"/login","host":"sso.example","version":"1.1","status_code":401,"user_agent":"curl/8",\
    "header_names":["host","accept"]},"tls":{"version":"1.3"},"fingerprint":{"http":"http-abc"},"verdict":{"action":"allow"},"blocked":false,\
    "duration_ms":1.234,"request_id":"r1"}
    """
private let success = """
    {"time":"2026-11-23T12:08:50Z","event":"users.login.success","service":"sso","blocked":false}
    """
private let blocked = """
    {"time":"2026-11-23T12:08:50.5Z","event":"users.login.failure","service":"shop","verdict":{"action":"block",\
    "rule":"no-bots"},"blocked":true}
    """

struct OTLPEncoderTests {
    private func json(_ lines: [String]) throws -> [String: String] {
        let encoder = OTLPEncoder(host: "gw1", encoding: .json)
        let (body, _) = encoder.encode(lines.map { Array($0.utf8) }, observedUnixNanoseconds: 7)
        var values = NamedValues()
        try JSONReader.read(body.span, into: &values)
        var map: [String: String] = [:]
        for entry in values.entries {
            map[String(decoding: values.arena[entry.name.bounds], as: UTF8.self)] =
                String(decoding: values.arena[entry.value.bounds], as: UTF8.self)
        }
        return map
    }

    /// The attributes of one record by key, "kind:value".
    private func attributes(_ map: [String: String], _ path: String) -> [String: String] {
        var found: [String: String] = [:]
        var index = 0
        while let key = map["\(path).attributes.\(index).key"] {
            for kind in ["stringValue", "intValue", "boolValue", "doubleValue"] {
                if let value = map["\(path).attributes.\(index).value.\(kind)"] { found[key] = "\(kind):\(value)" }
            }
            var element = 0
            while let value = map["\(path).attributes.\(index).value.arrayValue.values.\(element).stringValue"] {
                found["\(key).\(element)"] = value
                element += 1
            }
            index += 1
        }
        return found
    }

    @Test func `writes the attributes of a failure in JSON`() throws {
        let map = try json([failure])
        let record = "resourceLogs.0.scopeLogs.0.logRecords.0"
        #expect(
            attributes(map, "resourceLogs.0.resource") == [
                "service.name": "stringValue:sso", "host.name": "stringValue:gw1",
            ])
        #expect(map["resourceLogs.0.scopeLogs.0.scope.name"] == "loginward")
        #expect(map["resourceLogs.0.schemaUrl"] == "https://opentelemetry.io/schemas/1.44.0")
        #expect(map[record + ".timeUnixNano"] == "1795435730123456000")
        #expect(map[record + ".observedTimeUnixNano"] == "7")
        #expect(map[record + ".severityNumber"] == "13")
        #expect(map[record + ".eventName"] == "loginward.login")
        #expect(map[record + ".body.stringValue"] == "login failure")
        #expect(
            attributes(map, record) == [
                "loginward.event_id": "stringValue:01J", "loginward.route": "stringValue:password",
                "user.name": "stringValue:al\"ice", "user.id": "stringValue:42",
                "loginward.login.user_exists": "boolValue:true", "client.address": "stringValue:203.0.113.9",
                "network.peer.address": "stringValue:10.0.0.1", "http.request.method": "stringValue:POST",
                "url.path": "stringValue:/login", "server.address": "stringValue:sso.example",
                "http.response.status_code": "intValue:401", "user_agent.original": "stringValue:curl/8",
                "loginward.fingerprint.http": "stringValue:http-abc", "loginward.verdict": "stringValue:allow",
                "loginward.blocked": "boolValue:false", "loginward.request_id": "stringValue:r1",
                "loginward.login.outcome": "stringValue:failure", "network.protocol.version": "stringValue:1.1",
                "tls.protocol.version": "stringValue:1.3", "loginward.duration_ms": "doubleValue:1.234",
                "loginward.http.header_names.0": "host", "loginward.http.header_names.1": "accept",
            ])
    }

    @Test func `groups records by service and grades them`() throws {
        let map = try json([success, blocked, failure])
        let second = "resourceLogs.1.scopeLogs.0.logRecords.0"
        #expect(map["resourceLogs.0.scopeLogs.0.logRecords.0.severityNumber"] == "9")
        #expect(map["resourceLogs.0.scopeLogs.0.logRecords.0.body.stringValue"] == "login success")
        #expect(map["resourceLogs.0.scopeLogs.0.logRecords.1.severityNumber"] == "13")
        #expect(attributes(map, "resourceLogs.1.resource")["service.name"] == "stringValue:shop")
        #expect(map[second + ".severityNumber"] == "14")
        #expect(map[second + ".timeUnixNano"] == "1795435730500000000")
        #expect(attributes(map, second)["security_rule.uuid"] == "stringValue:no-bots")
    }

    @Test(arguments: [
        ("users.mfa.challenge", "loginward.mfa.challenge", "9", nil),
        ("users.mfa.failure", "loginward.mfa.failure", "13", "failure"),
        ("users.signup", "loginward.signup", "9", nil), ("users.lockout", "loginward.lockout", "13", nil),
        ("orders.placed", "loginward.orders.placed", "9", nil),
    ])
    func `an event that is no login has its own name, and an outcome only where something was tried`(
        _ event: String, _ name: String, _ severity: String, _ outcome: String?
    ) throws {
        let map = try json([#"{"time":"2026-11-23T12:08:50Z","event":"\#(event)","service":"sso","blocked":false}"#])
        let record = "resourceLogs.0.scopeLogs.0.logRecords.0"
        #expect(map[record + ".eventName"] == name)
        #expect(map[record + ".body.stringValue"] == event)
        #expect(map[record + ".severityNumber"] == severity)
        #expect(attributes(map, record)["loginward.login.outcome"] == outcome.map { "stringValue:" + $0 })
    }

    @Test func `leaves out lines that are no events and counts them`() {
        for encoding in [SinkDescription.Encoding.json, .protobuf] {
            let encoder = OTLPEncoder(host: "h", encoding: encoding)
            #expect(encoder.encode([Array("{".utf8), Array(success.utf8)], observedUnixNanoseconds: 0).unreadable == 1)
        }
    }

    @Test func `writes protobuf fields under their numbers`() throws {
        let encoder = OTLPEncoder(host: "gw1", encoding: .protobuf)
        let (body, _) = encoder.encode([Array(success.utf8)], observedUnixNanoseconds: 7)
        func inner(_ number: UInt64, _ message: ArraySlice<UInt8>) throws -> ArraySlice<UInt8> {
            guard case .bytes(let bytes) = try #require(ProtobufReader.field(number, in: message)) else {
                return try #require(nil as ArraySlice<UInt8>?)
            }
            return bytes
        }
        func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
        let resourceLogs = try inner(1, body[...])
        let service = try inner(1, try inner(1, resourceLogs))
        let scopeLogs = try inner(2, resourceLogs)
        let record = try inner(2, scopeLogs)
        #expect(text(try inner(1, service)) == "service.name")
        #expect(text(try inner(1, try inner(2, service))) == "sso")
        #expect(text(try inner(3, resourceLogs)) == "https://opentelemetry.io/schemas/1.44.0")
        #expect(text(try inner(1, try inner(1, scopeLogs))) == "loginward")
        #expect(
            Array(record.prefix(9)) == [0x09]
                + (0..<8).map { UInt8(truncatingIfNeeded: 1_795_435_730_000_000_000 >> (8 * $0)) })
        guard case .integer(9) = ProtobufReader.field(2, in: record) else { Issue.record("severity"); return }
        #expect(text(try inner(1, try inner(5, record))) == "login success")
        #expect(text(try inner(12, record)) == "loginward.login")
    }

    @Test func `reads how many records a collector rejected`() {
        let json = OTLPEncoder(host: "h", encoding: .json)
        #expect(json.rejected(in: Array("{\"partialSuccess\":{\"rejectedLogRecords\":\"3\"}}".utf8)) == 3)
        #expect(json.rejected(in: Array("{\"partialSuccess\":{\"rejectedLogRecords\":2}}".utf8)) == 2)
        #expect(json.rejected(in: Array("{}".utf8)) == 0)
        #expect(json.rejected(in: Array("<html>".utf8)) == 0)
        let protobuf = OTLPEncoder(host: "h", encoding: .protobuf)
        #expect(protobuf.rejected(in: [0x0A, 0x02, 0x08, 0x05]) == 5)
        #expect(protobuf.rejected(in: [0x0A, 0x03, 0x08, 0x85, 0x01]) == 133)
        #expect(protobuf.rejected(in: []) == 0)
        #expect(protobuf.rejected(in: [0x0A, 0x7F, 0x08]) == 0)
        #expect(protobuf.rejected(in: [UInt8](repeating: 0xFF, count: 40)) == 0)
    }
}
