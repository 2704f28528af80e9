// SPDX-License-Identifier: Apache-2.0
import Glibc
import Logins
import Proxy
import Rules
import Shipping
import Wire

/// `/status`: one JSON object for a person or a script.
struct StatusReport {
    let counters: Counters
    let events: Shipper.Statistics?
    let reload: ReloadOutcome
    let policy: Policy
    let startedUnixSeconds: Int64
    let listeners: [String]
    let findings: [CoverageFinding]

    func json() -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("version")
        writer.string(Version.text)
        writer.key("pid")
        writer.number(Int64(getpid()))
        writer.key("uptime_seconds")
        writer.number(Clock.unixSeconds - startedUnixSeconds)
        writer.key("mode")
        writer.string(policy.monitorsOnly ? "monitor" : "block")
        writer.key("generation")
        writer.number(Int64(policy.generation))
        writer.key("last_reload_successful")
        writer.boolean(reload.isGood)
        writer.key("problems")
        writer.beginArray()
        for problem in reload.problems { writer.string(problem.description) }
        writer.endArray()
        writer.key("needs_restart")
        writer.beginArray()
        for setting in reload.needsRestart { writer.string(setting) }
        writer.endArray()
        writer.key("listeners")
        writer.beginArray()
        for listener in listeners { writer.string(listener) }
        writer.endArray()
        writeCounts(&writer)
        writeServices(&writer)
        writeSinks(&writer)
        writeFindings(&writer)
        writer.endObject()
        return writer.bytes
    }

    private func writeFindings(_ writer: inout JSONWriter) {
        writer.key("findings")
        writer.beginArray()
        for finding in findings {
            writer.beginObject()
            let texts: [(StaticString, String)] = [
                ("code", finding.code.rawValue), ("service", finding.service), ("route", finding.route),
                ("what", finding.what), ("change", finding.change),
            ]
            for (name, text) in texts {
                writer.key(name)
                writer.string(text)
            }
            writer.endObject()
        }
        writer.endArray()
    }

    private func writeCounts(_ writer: inout JSONWriter) {
        writer.key("connections")
        writer.number(Int64(counters.open))
        writer.key("requests")
        writer.number(Int64(counters.requests.reduce(0, +)))
        writer.key("rules")
        writer.number(Int64(policy.ruleset.count))
        writer.key("denylist_entries")
        writer.number(Int64(policy.denylist.count))
        writer.key("allowlist_entries")
        writer.number(Int64(policy.allowlist.count))
    }

    private func writeServices(_ writer: inout JSONWriter) {
        writer.key("services")
        writer.beginArray()
        for service in policy.services {
            writer.beginObject()
            writer.key("name")
            writer.string(String(decoding: service.name, as: UTF8.self))
            writer.key("servers")
            writer.beginArray()
            for server in service.upstream.servers {
                writer.beginObject()
                writer.key("url")
                writer.string(String(decoding: server.name, as: UTF8.self))
                writer.key("passing")
                writer.boolean(server.isPassing)
                writer.endObject()
            }
            writer.endArray()
            writer.key("logins")
            writer.beginArray()
            for login in service.logins { writer.string(String(decoding: login.name, as: UTF8.self)) }
            writer.endArray()
            writer.endObject()
        }
        writer.endArray()
    }

    private func writeSinks(_ writer: inout JSONWriter) {
        writer.key("collectors")
        writer.beginArray()
        for sink in events?.sinks ?? [] {
            writer.beginObject()
            writer.key("name")
            writer.string(sink.name)
            for (key, value) in [
                ("sent", sink.sent), ("retried", sink.retried), ("rejected", sink.rejected), ("dropped", sink.dropped),
                ("pending", sink.pending),
            ] {
                writer.key(Array(key.utf8).span)
                writer.number(Int64(value))
            }
            if let failure = sink.lastFailure {
                writer.key("last_failure")
                writer.string(failure)
            }
            writer.endObject()
        }
        writer.endArray()
    }
}
