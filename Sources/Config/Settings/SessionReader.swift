// SPDX-License-Identifier: Apache-2.0
import Logins
import Wire

/// `sessions:`: what is remembered of the tokens that logins give out.
package struct SessionSettings: Equatable, Sendable {
    package var isEnabled = true
    /// The most users of whom anything is remembered.
    package var users = 100_000
    /// How long a token is remembered, in seconds.
    package var seconds: Int64 = 30 * 86_400

    package init() {}
}

/// Reads `sessions:`, and `session:` of a login.
enum SessionReader {
    static func read(_ top: YAMLSection, _ context: ReadingContext) -> SessionSettings {
        var settings = SessionSettings()
        guard let section = top.section("sessions") else { return settings }
        if let isEnabled = section.boolean("enabled") { settings.isEnabled = isEnabled }
        if let users = section.integer("users", 1...10_000_000) { settings.users = users }
        var time = Duration.seconds(settings.seconds)
        section.duration("remember", &time)
        settings.seconds = max(1, time.components.seconds)
        section.finish()
        return settings
    }

    /// Where the answer to a login hands out tokens; empty: wherever they usually stand.
    static func readSources(_ section: YAMLSection, _ context: ReadingContext) -> [SessionSource] {
        section.strings("session").compactMap { text, place in
            func tail(_ prefix: String) -> String? {
                text.hasPrefix(prefix) && text.count > prefix.count ? String(text.dropFirst(prefix.count)) : nil
            }
            if let name = tail("cookie.") { return .cookie(Array(name.utf8)) }
            if let name = tail("body.") { return .body(Array(name.utf8)) }
            if let name = tail("header."), HeaderName.isValid(name) { return .header(Array(name.lowercased().utf8)) }
            context.report(
                place, "\"\(text)\" is no place for a session's token", hint: "cookie.NAME, body.PATH or header.NAME")
            return nil
        }
    }
}
