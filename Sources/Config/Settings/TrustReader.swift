// SPDX-License-Identifier: Apache-2.0
import Wire

/// Reads `client_address:` and `request_id:`.
enum TrustReader {
    static func readClientAddress(_ top: YAMLSection, _ context: ReadingContext) -> ClientAddressSettings {
        var settings = ClientAddressSettings()
        guard let section = top.section("client_address") else { return settings }
        settings.trustedProxies = section.strings("trusted_proxies").compactMap {
            TestReader.network($0.text, $0.place, context)
        }
        if section.has("headers") {
            settings.headers = section.strings("headers").compactMap { text, place in
                if HeaderName.isValid(text) { return text.lowercased() }
                context.report(place, "\"\(text)\" is not a field name")
                return nil
            }
        }
        if let length = section.integer("ipv6_prefix", 1...128) { settings.ipv6Prefix = length }
        section.finish()
        return settings
    }

    static func readRequestID(_ top: YAMLSection, _ context: ReadingContext) -> RequestIDSettings {
        var settings = RequestIDSettings()
        guard let section = top.section("request_id") else { return settings }
        if let header = section.string("header") {
            settings.header = header.lowercased()
            if !HeaderName.isValid(header) {
                context.report(section.place("header"), "\"\(header)\" is not a field name")
            }
        }
        if let trust = section.choice("trust", RequestIDSettings.Trust.self) { settings.trust = trust }
        section.finish()
        return settings
    }
}

/// Field names as configuration may name them.
enum HeaderName {
    static func isValid(_ text: String) -> Bool { !text.isEmpty && text.utf8.allSatisfy { ByteClass.isToken($0) } }
}
