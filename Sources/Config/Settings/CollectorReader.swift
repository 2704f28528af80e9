// SPDX-License-Identifier: Apache-2.0
import Wire

/// Reads `collectors:`.
enum CollectorReader {
    static func read(_ top: YAMLSection, _ context: ReadingContext) -> [CollectorSettings] {
        var collectors: [CollectorSettings] = []
        for section in top.sections("collectors") {
            if let collector = readOne(section, context) {
                if collectors.contains(where: { $0.name == collector.name }) {
                    context.report(section.place("name"), "two collectors are named \"\(collector.name)\"")
                }
                collectors.append(collector)
            }
            section.finish()
        }
        return collectors
    }

    private static func readOne(_ section: YAMLSection, _ context: ReadingContext) -> CollectorSettings? {
        let name = section.required("name")
        if !section.has("type") { context.report(section.place, "\(section.path) needs \"type\"") }
        guard let name, let kind = section.choice("type", CollectorSettings.Kind.self) else { return nil }
        if !name.utf8.allSatisfy({ ByteClass.isToken($0) }) {
            context.report(
                section.place("name"), "a collector's name must be one word",
                hint: "it names a file in the state directory")
        }
        var target: String?
        if kind == .file {
            target = section.required("path").map { context.resolve($0, from: section.file) }
        } else {
            target = url(section, kind, context)
        }
        guard let target else { return nil }
        var collector = CollectorSettings(name: name, kind: kind, target: target, place: section.place)
        if kind == .otlp, let encoding = section.string("encoding", known: ["json", "protobuf"]) {
            collector.usesProtobuf = encoding == "protobuf"
            if encoding != "json" && encoding != "protobuf" {
                context.report(section.place("encoding"), "encoding must be json or protobuf, not \"\(encoding)\"")
            }
        }
        readHeaders(section, &collector, context)
        if let count = section.integer("batch_events", 1...10_000) { collector.batchEvents = count }
        section.duration("flush", &collector.flush)
        section.duration("timeout", &collector.timeout)
        if let size = section.size("spool") {
            collector.spoolBytes = size
            if size < 1 << 20 { context.report(section.place("spool"), "spool must be at least 1MiB") }
        }
        readSecurity(section, &collector, context)
        readSchema(section, &collector, context)
        return collector
    }

    private static func readSecurity(
        _ section: YAMLSection, _ collector: inout CollectorSettings, _ context: ReadingContext
    ) {
        collector.caFile = section.file("tls_ca")
        collector.certificate = section.file("tls_certificate")
        collector.key = section.file("tls_key")
        if section.has("tls_key") && !section.has("tls_certificate") {
            context.report(section.place("tls_key"), "tls_key needs \"tls_certificate\"")
        }
        for (key, path) in [
            ("tls_ca", collector.caFile), ("tls_certificate", collector.certificate), ("tls_key", collector.key),
        ] {
            // Read only to say now what would keep every event waiting later.
            if let path { _ = context.contents(path, section.place(key)) }
        }
    }

    private static func readSchema(
        _ section: YAMLSection, _ collector: inout CollectorSettings, _ context: ReadingContext
    ) {
        guard let schema = section.choice("schema", CollectorSettings.Schema.self) else { return }
        collector.schema = schema
        if collector.kind != .syslog && schema != .native {
            context.report(section.place("schema"), "collectors of type \(collector.kind) have no schema \(schema)")
        }
    }

    private static func url(
        _ section: YAMLSection, _ kind: CollectorSettings.Kind, _ context: ReadingContext
    ) -> String? {
        guard let url = section.required("url") else { return nil }
        if kind == .syslog {
            let scheme = ["tcp://", "tls://"].first { url.hasPrefix($0) }
            let authority = scheme.map { url.dropFirst($0.count) } ?? ""
            let colon = authority.lastIndex(of: ":")
            let port = colon.flatMap { UInt16(authority[authority.index(after: $0)...]) } ?? 0
            if port == 0 || colon == authority.startIndex || authority.contains(where: { "/?#@ ".contains($0) }) {
                context.report(
                    section.place("url"), "\"\(url)\" is not tcp://HOST:PORT or tls://HOST:PORT",
                    hint: "6514 is the port of syslog over TLS")
            }
            return url
        }
        if !url.hasPrefix("http://") && !url.hasPrefix("https://") {
            context.report(section.place("url"), "\"\(url)\" is not an http or https URL")
        }
        return url
    }

    /// Plain values, or `NAME_file: PATH` for secrets.
    private static func readHeaders(
        _ section: YAMLSection, _ collector: inout CollectorSettings, _ context: ReadingContext
    ) {
        guard let headers = section.section("headers") else { return }
        for key in headers.keys {
            var name = key
            var value = headers.string(key) ?? ""
            if key.hasSuffix("_file") {
                name = String(key.dropLast(5))
                let bytes = context.contents(context.resolve(value, from: section.file), headers.place(key)) ?? []
                value = Substring(decoding: bytes.prefix { $0 != 10 && $0 != 13 }, as: UTF8.self).trimmingSpaces()
            }
            if !HeaderName.isValid(name) { context.report(headers.place(key), "\"\(name)\" is not a field name") }
            if value.utf8.contains(where: { $0 < 32 || $0 == 127 }) {
                context.report(headers.place(key), "the value of \(name) holds control characters")
            }
            collector.headers.append((name, value))
        }
    }
}
