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
        let preset = section.choice("preset", CollectorPreset.Name.self).map(CollectorPreset.named)
        if !section.has("type") && !section.has("preset") {
            context.report(section.place, "\(section.path) needs \"type\" or \"preset\"")
        }
        let type = section.choice("type", CollectorSettings.Kind.self)
        guard let name, let kind = type ?? (preset == nil ? nil : .http) else { return nil }
        if preset != nil && kind != .http {
            context.report(section.place("preset"), "presets are of type http, not \(kind)")
        }
        if !name.utf8.allSatisfy({ ByteClass.isToken($0) }) {
            context.report(
                section.place("name"), "a collector's name must be one word",
                hint: "it names a file in the state directory")
        }
        var target: String?
        if kind == .file {
            target = section.required("path").map { context.resolve($0, from: section.file) }
        } else {
            target = url(section, kind, preset, context)
        }
        guard let target else { return nil }
        var collector = CollectorSettings(name: name, kind: kind, target: target, place: section.place)
        if kind == .otlp, let encoding = section.string("encoding", known: ["json", "protobuf"]) {
            collector.usesProtobuf = encoding == "protobuf"
            if encoding != "json" && encoding != "protobuf" {
                context.report(section.place("encoding"), "encoding must be json or protobuf, not \"\(encoding)\"")
            }
        }
        if let preset {
            collector.framing = preset.framing
            collector.schema = preset.schema
            collector.batchEvents = preset.batchEvents
            collector.usesGzip = true
        }
        collector.headers = HeaderReader.read(section, context)
        readToken(section, preset, &collector, context)
        if let count = section.integer("batch_events", 1...10_000) { collector.batchEvents = count }
        section.duration("flush", &collector.flush)
        section.duration("timeout", &collector.timeout)
        if let size = section.size("spool") {
            collector.spoolBytes = size
            if size < 1 << 20 { context.report(section.place("spool"), "spool must be at least 1MiB") }
        }
        section.duration("spool_age", &collector.spoolAge)
        if collector.spoolAge < .seconds(1) {
            context.report(section.place("spool_age"), "spool_age must be at least 1s")
        }
        readRotation(section, &collector, context)
        readSecurity(section, &collector, context)
        readForm(section, &collector, context)
        readSignature(section, &collector, context)
        return collector
    }

    private static func readRotation(
        _ section: YAMLSection, _ collector: inout CollectorSettings, _ context: ReadingContext
    ) {
        guard let rotate = section.section("rotate") else { return }
        defer { rotate.finish() }
        if collector.kind != .file {
            context.report(rotate.place, "collectors of type \(collector.kind) have nothing to rotate")
        }
        let size = rotate.size("size") ?? 100 << 20
        if size < 1 << 16 { context.report(rotate.place("size"), "\(rotate.path).size must be at least 64KiB") }
        collector.rotation = (size, rotate.integer("files", 1...1_000) ?? 10)
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

    private static func readForm(
        _ section: YAMLSection, _ collector: inout CollectorSettings, _ context: ReadingContext
    ) {
        let kind = collector.kind
        if let framing = section.choice("framing", CollectorSettings.Framing.self) {
            collector.framing = framing
            if kind != .http {
                context.report(section.place("framing"), "collectors of type \(kind) have no framing")
            }
        }
        if let schema = section.choice("schema", CollectorSettings.Schema.self) {
            collector.schema = schema
            let fits: Set<CollectorSettings.Schema> =
                switch kind {
                case .otlp: []
                case .http: [.native, .ocsf, .ecs, .datadog]
                case .syslog: [.native, .ocsf, .cef]
                case .file: Set(CollectorSettings.Schema.allCases)
                }
            if !fits.contains(schema) {
                context.report(section.place("schema"), "collectors of type \(kind) have no schema \(schema)")
            }
        }
        if let gzip = section.boolean("gzip") {
            collector.usesGzip = gzip
            if kind != .http && kind != .otlp {
                context.report(section.place("gzip"), "collectors of type \(kind) have no gzip")
            }
        }
    }

    /// What only the collector and we know, in a header of the product's.
    private static func readToken(
        _ section: YAMLSection, _ preset: CollectorPreset?, _ collector: inout CollectorSettings,
        _ context: ReadingContext
    ) {
        guard let path = section.file("token_file") else { return }
        let token = secret(path, section.place("token_file"), context)
        guard let preset else {
            context.report(
                section.place("token_file"), "token_file needs \"preset\", which says in which header it goes",
                hint: "headers: { Authorization_file: PATH }")
            return
        }
        collector.headers.append((preset.tokenHeader, preset.tokenPrefix + token))
        if let user = preset.user,
            !collector.headers.contains(where: { $0.0.lowercased() == user.header.lowercased() })
        {
            collector.headers.append(user)
        }
    }

    private static func readSignature(
        _ section: YAMLSection, _ collector: inout CollectorSettings, _ context: ReadingContext
    ) {
        guard let signature = section.section("signature") else { return }
        defer { signature.finish() }
        if collector.kind != .http && collector.kind != .otlp {
            context.report(signature.place, "collectors of type \(collector.kind) have no signature")
        }
        let header = signature.string("header") ?? "X-Loginward-Signature"
        if !HeaderName.isValid(header) {
            context.report(signature.place("header"), "\"\(header)\" is not a field name")
        }
        guard let file = signature.required("key_file") else { return }
        let path = context.resolve(file, from: signature.file)
        let key = Array(secret(path, signature.place("key_file"), context).utf8)
        if key.count < 16 { context.report(signature.place("key_file"), "a key of fewer than 16 bytes is none") }
        collector.signature = CollectorSettings.Signature(header: header, key: key)
    }

    /// The first line of a file.
    private static func secret(_ path: String, _ place: Place, _ context: ReadingContext) -> String {
        let bytes = context.contents(path, place) ?? []
        let text = Substring(decoding: bytes.prefix { $0 != 10 && $0 != 13 }, as: UTF8.self).trimmingSpaces()
        if text.utf8.contains(where: { $0 < 32 || $0 == 127 }) {
            context.report(place, "\(path) holds control characters")
        }
        return String(text)
    }

    private static func url(
        _ section: YAMLSection, _ kind: CollectorSettings.Kind, _ preset: CollectorPreset?, _ context: ReadingContext
    ) -> String? {
        if let known = preset?.url, !section.has("url") { return preset?.complete(known) }
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
        return preset?.complete(url) ?? url
    }
}
