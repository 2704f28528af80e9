// SPDX-License-Identifier: Apache-2.0
import Wire

/// Reads `limits:`.
enum LimitReader {
    static func read(_ top: YAMLSection, _ context: ReadingContext) -> LimitSettings {
        var limits = LimitSettings()
        guard let section = top.section("limits") else { return limits }
        bounded(section, "head", 1 << 10, 1 << 20, &limits.head, context)
        if let fields = section.integer("fields", 8...1024) { limits.fields = fields }
        bounded(section, "body_inspected", 1 << 10, 1 << 26, &limits.bodyInspected, context)
        limits.body = section.size("body")
        if let mode = section.string("over_body", known: ["block", "allow"]) {
            limits.refusesOverBody = mode == "block"
            if mode != "block" && mode != "allow" {
                context.report(section.place("over_body"), "over_body must be block or allow, not \"\(mode)\"")
            }
        }
        section.duration("header_timeout", &limits.headerTimeout)
        section.duration("body_timeout", &limits.bodyTimeout)
        section.duration("idle_timeout", &limits.idleTimeout)
        section.duration("write_timeout", &limits.writeTimeout)
        rate(section, "minimum_body_rate", &limits.minimumBodyRate, context)
        rate(section, "minimum_read_rate", &limits.minimumReadRate, context)
        section.duration("rate_grace", &limits.rateGrace)
        if let count = section.integer("connections_per_address", 1...10_000_000) {
            limits.connectionsPerAddress = count
        }
        if let count = section.integer("connections", 1...10_000_000) { limits.connections = count }
        if let count = section.integer("delayed", 1...1_000_000) { limits.delayed = count }
        limits.requestsPerAddress = section.rate("requests_per_address")
        if let count = section.integer("http2_streams", 1...1_000) { limits.http2Streams = count }
        if let count = section.integer("requests_per_connection", 1...Int(Int32.max)) {
            limits.requestsPerConnection = count
        }
        section.finish()
        return limits
    }

    /// Bytes a second, at most 1 GiB.
    private static func rate(_ section: YAMLSection, _ key: String, _ value: inout Int, _ context: ReadingContext) {
        guard let size = section.size(key) else { return }
        if size > 1 << 30 {
            context.report(section.place(key), "\(section.name(key)) must be at most 1GiB")
        } else {
            value = size
        }
    }

    private static func bounded(
        _ section: YAMLSection, _ key: String, _ least: Int, _ most: Int, _ value: inout Int, _ context: ReadingContext
    ) {
        guard let size = section.size(key) else { return }
        if size < least || size > most {
            context.report(
                section.place(key), "\(section.name(key)) must be between \(least >> 10)KiB and \(most >> 10)KiB")
        } else {
            value = size
        }
    }
}
