// SPDX-License-Identifier: Apache-2.0
package import Logins
import Rules
package import Wire

/// Turns a configuration file, and every file it names, into a `Configuration`, or into every problem that they hold.
package enum ConfigurationReader {
    /// `draft` is what could be read, also when there are problems: enough to look for more of them.
    package static func read(
        path: String, _ environment: ReadingEnvironment
    ) -> (configuration: Configuration?, draft: Configuration?, problems: [Problem]) {
        let context = ReadingContext(environment)
        guard let bytes = context.contents(path, Place(file: path)),
            let node = YAMLDocument.parse(bytes, file: path, context),
            let top = YAMLSection(node, file: path, path: "", context)
        else { return (nil, nil, context.problems) }
        let configuration = read(top, context)
        return (context.problems.isEmpty ? configuration : nil, configuration, context.problems)
    }

    /// Only `detection:` of a file, for a replay: what the rest says is not looked at.
    package static func readDetection(
        path: String, _ environment: ReadingEnvironment
    ) -> (settings: DetectionSettings?, problems: [Problem]) {
        let context = ReadingContext(environment)
        guard let bytes = context.contents(path, Place(file: path)),
            let node = YAMLDocument.parse(bytes, file: path, context),
            let top = YAMLSection(node, file: path, path: "", context)
        else { return (nil, context.problems) }
        let settings = DetectionReader.read(top, context)
        return (context.problems.isEmpty ? settings : nil, context.problems)
    }

    /// Only what commands need that read the archive: what the rest says is not looked at.
    package static func readArchive(
        path: String, _ environment: ReadingEnvironment
    ) -> (location: ArchiveLocation?, problems: [Problem]) {
        let context = ReadingContext(environment)
        guard let bytes = context.contents(path, Place(file: path)),
            let node = YAMLDocument.parse(bytes, file: path, context),
            let top = YAMLSection(node, file: path, path: "", context)
        else { return (nil, context.problems) }
        let location = ArchiveLocation(stateDirectory: top.file("state_directory") ?? Configuration().stateDirectory)
        return (context.problems.isEmpty ? location : nil, context.problems)
    }

    /// What a configuration may hold, told by being asked.
    static func describe(_ top: YAMLSection, _ context: ReadingContext) { _ = read(top, context) }

    private static func read(_ top: YAMLSection, _ context: ReadingContext) -> Configuration {
        var all = Configuration()
        if let version = top.required("version"), version != "1" {
            context.report(
                top.place("version"), "version \"\(version)\" is not known", hint: "this program reads version 1")
        }
        if let workers = top.string("workers"), workers != "auto" {
            if let count = Int(workers), count >= 1, count <= 512 {
                all.workers = count
            } else {
                context.report(top.place("workers"), "workers must be auto or a number from 1 to 512")
            }
        }
        if let directory = top.file("state_directory") { all.stateDirectory = directory }
        if let mode = top.string("mode", known: ["block", "monitor"]) {
            all.monitorsOnly = mode == "monitor"
            if mode != "block" && mode != "monitor" {
                context.report(top.place("mode"), "mode must be block or monitor, not \"\(mode)\"")
            }
        }
        top.duration("shutdown_timeout", &all.shutdownTimeout)
        all.listeners = ListenerReader.read(top, context)
        all.clientAddress = TrustReader.readClientAddress(top, context)
        all.requestID = TrustReader.readRequestID(top, context)
        all.services = ServiceReader.read(top, context)
        all.limits = LimitReader.read(top, context)
        all.detection = DetectionReader.read(top, context)
        all.sessions = SessionReader.read(top, context)
        all.denylist = listed(top, "denylist", context)
        all.allowlist = listed(top, "allowlist", context)
        if let section = top.section("overlay") {
            if let count = section.integer("entries", 1...1_000_000) { all.overlayEntries = count }
            section.finish()
        }
        all.rules = RateReader.readLimits(top, context) + readRules(top, context)
        all.warnings = context.warnings
        if let page = top.section("block_page") {
            all.blockPageHTML = readPage(page, "html", context)
            all.blockPageJSON = readPage(page, "json", context)
            page.finish()
        }
        all.collectors = CollectorReader.read(top, context)
        all.notifications = NotificationReader.read(top, context)
        all.archive = readArchive(top)
        all.admin = readAdmin(top)
        all.accessLog = readAccessLog(top, context)
        top.finish()
        return all
    }

    private static func readPage(_ section: YAMLSection, _ key: String, _ context: ReadingContext) -> String? {
        section.file(key).flatMap { context.contents($0, section.place(key)) }.map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    private static func readArchive(_ top: YAMLSection) -> ArchiveSettings? {
        guard let section = top.section("archive") else { return nil }
        var settings = ArchiveSettings(place: section.place)
        section.duration("retention", &settings.retention)
        if let size = section.size("max_size") {
            settings.maximumBytes = Int64(size)
            if size < 1 << 20 { section.context.report(section.place("max_size"), "max_size must be at least 1MiB") }
        }
        if let count = section.integer("max_events", 1...1_000_000_000) { settings.maximumEvents = count }
        section.finish()
        return settings
    }

    private static func readAdmin(_ top: YAMLSection) -> AdminSettings? {
        guard let section = top.section("admin") else { return nil }
        let address = section.required("address")
        section.finish()
        return address.map { AdminSettings(address: resolveUnix($0, section), place: section.place("address")) }
    }

    /// A relative path of a Unix socket starts at the file's folder, as every other path.
    static func resolveUnix(_ address: String, _ section: YAMLSection) -> String {
        guard address.hasPrefix("unix:") else { return address }
        return "unix:" + section.context.resolve(String(address.dropFirst(5)), from: section.file)
    }

    private static func readAccessLog(_ top: YAMLSection, _ context: ReadingContext) -> AccessLogSettings? {
        guard let section = top.section("access_log") else { return nil }
        let path = section.required("path").map { $0 == "-" ? $0 : context.resolve($0, from: section.file) }
        if let format = section.string("format", known: ["json"]), format != "json" {
            context.report(section.place("format"), "access_log.format must be json, not \"\(format)\"")
        }
        section.finish()
        return path.map { AccessLogSettings(path: $0, place: section.place("path")) }
    }

    /// `files: [PATTERN…]` of a list, with what stands in them.
    private static func listed(_ top: YAMLSection, _ key: String, _ context: ReadingContext) -> ListSettings {
        var settings = ListSettings()
        guard let section = top.section(key) else { return settings }
        settings.place = section.place
        let files = paths(section, context)
        if let answer = section.string("on_shrink", known: ["warn", "error"]) {
            settings.refusesShrinking = answer == "error"
            if answer != "warn" && answer != "error" {
                context.report(section.place("on_shrink"), "on_shrink must be warn or error, not \"\(answer)\"")
            }
        }
        section.finish()
        settings.files = files.compactMap { path, place in
            context.contents(path, place).map { ListedFile(path: path, contents: $0) }
        }
        return settings
    }

    /// The files that `files:` names, patterns expanded. A pattern without a match is fine, a plain name without a file is not.
    private static func paths(_ section: YAMLSection, _ context: ReadingContext) -> [(String, Place)] {
        section.strings("files").flatMap { text, place -> [(String, Place)] in
            let path = context.resolve(text, from: section.file)
            if !path.contains("*") { return [(path, place)] }
            return context.environment.glob(path).map { ($0, place) }
        }
    }

    private static func readRules(_ top: YAMLSection, _ context: ReadingContext) -> [Rule] {
        guard let section = top.section("rules") else { return [] }
        let files = paths(section, context)
        section.finish()
        let draft = DatadogDraft(context)
        let own = files.flatMap { path, place -> [Rule] in
            guard let bytes = context.contents(path, place) else { return [] }
            return RuleReader.read(bytes, file: path, into: draft, context)
        }
        if draft.rules.isEmpty { return own }
        let made = DatadogRules.make(draft)
        context.warn(made.warnings)
        // What somebody wrote for this program decides before what came in a ruleset.
        return own + made.rules
    }
}
