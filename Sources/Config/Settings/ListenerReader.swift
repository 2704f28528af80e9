// SPDX-License-Identifier: Apache-2.0
import Wire

/// Reads `listeners:`.
enum ListenerReader {
    static func read(_ top: YAMLSection, _ context: ReadingContext) -> [ListenerSettings] {
        if !top.has("listeners") {
            context.report(
                top.place, "the file needs \"listeners\"", hint: "listeners: [{ address: \"0.0.0.0:8080\" }]")
        }
        var listeners: [ListenerSettings] = []
        for section in top.sections("listeners") {
            guard let address = section.required("address") else {
                section.finish()
                continue
            }
            var listener = ListenerSettings(
                address: ConfigurationReader.resolveUnix(address, section), place: section.place("address"))
            checkAddress(address, listener.place, context)
            if let mode = section.string("proxy_protocol", known: ["off", "require"]) {
                listener.requiresProxyProtocol = mode == "require"
                if mode != "off" && mode != "require" && mode != "false" {
                    context.report(
                        section.place("proxy_protocol"), "proxy_protocol must be off or require, not \"\(mode)\"")
                }
            }
            if let http2 = section.boolean("http2") { listener.http2 = http2 }
            listener.tls = section.section("tls").map { readTLS($0, context) }
            section.finish()
            if let twin = listeners.first(where: { $0.address == listener.address }) {
                context.report(
                    listener.place, "two listeners at \(address)", hint: "the other stands in line \(twin.place.line)")
            }
            listeners.append(listener)
        }
        if top.has("listeners") && listeners.isEmpty && context.problems.isEmpty {
            context.report(top.place("listeners"), "at least one listener is needed")
        }
        return listeners
    }

    /// host:port with a literal address, [v6]:port, unix:PATH, systemd:NAME.
    static func checkAddress(_ address: String, _ place: Place, _ context: ReadingContext) {
        if address.hasPrefix("unix:") || address.hasPrefix("systemd:") {
            if address.hasSuffix(":") { context.report(place, "\"\(address)\" lacks its name") }
            return
        }
        guard let colon = address.lastIndex(of: ":"), UInt16(address[address.index(after: colon)...]) != nil else {
            context.report(
                place, "\"\(address)\" is not an address to listen at",
                hint: "host:port, [v6]:port, unix:PATH or systemd:NAME")
            return
        }
        var host = String(address[..<colon])
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        if isBracketed { host = String(host.dropFirst().dropLast()) }
        guard let literal = IPAddress(host), literal.isIPv4 != isBracketed else {
            context.report(
                place, "\"\(host)\" is not an IP address",
                hint: "a listener needs an address, 0.0.0.0 for all of IPv4, [::] for IPv6")
            return
        }
    }

    private static func readTLS(_ section: YAMLSection, _ context: ReadingContext) -> TLSSettings {
        var tls = TLSSettings(place: section.place)
        for pair in section.sections("certificates") {
            let certificate = pair.required("certificate").map { context.resolve($0, from: section.file) }
            let key = pair.required("key").map { context.resolve($0, from: section.file) }
            pair.finish()
            if let certificate, let key { tls.certificates.append((certificate, key)) }
        }
        if tls.certificates.isEmpty && !section.has("certificates") {
            context.report(section.place, "\(section.path) needs \"certificates\"")
        }
        if let version = section.string("minimum_version", known: ["1.2", "1.3"]) {
            tls.minimumVersion = version
            if version != "1.2" && version != "1.3" {
                context.report(
                    section.place("minimum_version"), "minimum_version must be \"1.2\" or \"1.3\", not \"\(version)\"")
            }
        }
        tls.clientCA = section.file("client_ca")
        if let mode = section.choice("client_certificates", TLSSettings.ClientCertificates.self) {
            tls.clientCertificates = mode
        }
        if tls.clientCertificates != .none && tls.clientCA == nil {
            context.report(section.place("client_certificates"), "client_certificates needs client_ca")
        }
        section.finish()
        return tls
    }
}
