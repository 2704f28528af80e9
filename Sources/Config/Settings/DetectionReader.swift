// SPDX-License-Identifier: Apache-2.0
import Logins
import Wire

/// Reads `detection:`.
enum DetectionReader {
    /// What whoever is refused gets.
    private enum Answer: String, CaseIterable {
        case page, mimic
    }

    static func read(_ top: YAMLSection, _ context: ReadingContext) -> DetectionSettings {
        var settings = DetectionSettings()
        guard let section = top.section("detection") else { return settings }
        if let isEnabled = section.boolean("enabled") { settings.isEnabled = isEnabled }
        if let response = section.choice("response", DetectionSettings.Response.self) { settings.response = response }
        if let answer = section.choice("answer", Answer.self) { settings.mimics = answer == .mimic }
        if let name = section.string("device_cookie") {
            let isToken = !name.isEmpty && name.utf8.count <= 128 && name.utf8.allSatisfy { ByteClass.isToken($0) }
            if name == "none" {
                settings.deviceCookie = ""
            } else if isToken {
                settings.deviceCookie = name
            } else {
                context.report(
                    section.place("device_cookie"), "\"\(name)\" is not the name of a cookie", hint: "a name, or none")
            }
        }
        if let count = section.integer("guesses_per_account", 3...24) { settings.guessesPerAccount = count }
        if let count = section.integer("guesses_per_day", 3...100) { settings.guessesPerDay = count }
        if let count = section.integer("collateral_limit", 1...10_000) { settings.collateralLimit = Double(count) }
        var duration = Duration.seconds(900)
        section.duration("block_for", &duration)
        settings.blockSeconds = Double(duration.components.seconds)
        if let challenges = section.boolean("challenge") { settings.challenges = challenges }
        if let compares = section.boolean("password_signal") { settings.comparesPasswords = compares }
        section.finish()
        return settings
    }
}
