// SPDX-License-Identifier: Apache-2.0
import Wire

/// Writes events in the Common Event Format, version 0, for SIEMs that take it over syslog. Pure.
enum CEFEncoder {
    static func encode(_ event: EventFields) -> [UInt8] {
        var out: [UInt8] = []
        out.append("CEF:0|Loginward|loginward|")
        out.append(OTLPEncoder.version)
        for text in [event.name, event.summary, String(severity(event))] {
            out.append(UInt8(ascii: "|"))
            header(Array(text.utf8), &out)
        }
        out.append(UInt8(ascii: "|"))
        var isFirst = true
        func put(_ key: String, _ value: [UInt8]?) {
            guard let value, !value.isEmpty else { return }
            if !isFirst { out.append(32) }
            isFirst = false
            out.append(contentsOf: key.utf8)
            out.append(UInt8(ascii: "="))
            extensionValue(value, &out)
        }
        put("rt", Array(String(event.unixNanoseconds / 1_000_000).utf8))
        put("externalId", event["id"])
        put("src", event["http.client_ip"])
        put("duser", event["usr.login"])
        put("duid", event["usr.id"])
        put("outcome", event.outcome.map { Array($0.text.utf8) })
        put("act", event["verdict.action"])
        put("reason", event["verdict.reason"])
        put("dhost", event["http.host"])
        put("destinationServiceName", event["service"])
        put("requestMethod", event["http.method"])
        put("request", event["http.path"])
        put("requestClientApplication", event["http.user_agent"])
        let custom: [(String, String, [UInt8]?)] = [
            ("cs1", "userExists", event["usr.exists"]), ("cs2", "rule", event["verdict.rule"]),
            ("cs3", "httpFingerprint", event["fingerprint.http"]), ("cs4", "route", event["route"]),
            ("cs5", "networkFingerprint", event["fingerprint.network"]),
            ("cn1", "statusCode", event["http.status_code"]),
        ]
        for (key, label, value) in custom where value.map({ !$0.isEmpty }) ?? false {
            put("\(key)Label", Array(label.utf8))
            put(key, value)
        }
        return out
    }

    /// 0 to 10: 7 and more is high.
    private static func severity(_ event: EventFields) -> Int {
        event.isBlocked ? 7 : event.outcome == .failure || event.outcome == .unknown ? 5 : 3
    }

    private static func header(_ text: [UInt8], _ out: inout [UInt8]) {
        for byte in text {
            if byte == UInt8(ascii: "|") || byte == UInt8(ascii: "\\") { out.append(UInt8(ascii: "\\")) }
            out.append(byte < 32 || byte == 127 ? 32 : byte)
        }
    }

    /// A line break is written as `\n` and `\r`; other control characters would break receivers that read lines.
    private static func extensionValue(_ text: [UInt8], _ out: inout [UInt8]) {
        for byte in text {
            switch byte {
            case UInt8(ascii: "="), UInt8(ascii: "\\"):
                out.append(UInt8(ascii: "\\"))
                out.append(byte)
            case 10: out.append("\\n")
            case 13: out.append("\\r")
            case 0..<32, 127: out.append(32)
            default: out.append(byte)
            }
        }
    }
}
