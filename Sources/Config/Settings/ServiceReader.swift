// SPDX-License-Identifier: Apache-2.0
import Logins
import Wire

/// Reads `services:`.
enum ServiceReader {
    static func read(_ top: YAMLSection, _ context: ReadingContext) -> [ServiceSettings] {
        if !top.has("services") {
            context.report(
                top.place, "the file needs \"services\"",
                hint: "services: [{ name: sso, upstream: { servers: [\"http://127.0.0.1:9000\"] } }]")
        }
        var services: [ServiceSettings] = []
        for section in top.sections("services") {
            let name = section.required("name")
            let upstream = section.section("upstream").map { readUpstream($0, context) }
            if !section.has("upstream") { context.report(section.place, "\(section.path) needs \"upstream\"") }
            let hosts = readHosts(section, context)
            let logins = section.sections("logins").flatMap { LoginReader.read($0, context) }
            checkNames(logins, section, context)
            let discovers = section.boolean("discover_logins") ?? true
            section.finish()
            guard let name, let upstream else { continue }
            if services.contains(where: { $0.name == name }) {
                context.report(section.place("name"), "two services are named \"\(name)\"")
            }
            var settings = ServiceSettings(
                name: name, hosts: hosts, upstream: upstream, logins: logins, place: section.place)
            settings.discoversLogins = discovers
            services.append(settings)
        }
        checkHosts(services, context)
        if top.has("services") && services.isEmpty && context.problems.isEmpty {
            context.report(top.place("services"), "at least one service is needed")
        }
        return services
    }

    /// Two routes of one name would be one in events, metrics and what is learnt.
    private static func checkNames(_ logins: [LoginRoute], _ section: YAMLSection, _ context: ReadingContext) {
        var seen: Set<[UInt8]> = []
        for login in logins where !seen.insert(login.name).inserted {
            context.report(
                section.place("logins"), "two logins are named \"\(String(decoding: login.name, as: UTF8.self))\"",
                hint: "name: gives a preset's routes names of their own")
        }
    }

    private static func readHosts(_ section: YAMLSection, _ context: ReadingContext) -> [String] {
        section.strings("hosts").compactMap { text, place in
            let host = text.hasPrefix("*.") ? String(text.dropFirst(2)) : text
            let isValid = !host.isEmpty && host.utf8.allSatisfy { $0 > 32 && $0 < 127 && $0 != 47 && $0 != 42 }
            if !isValid {
                context.report(
                    place, "\"\(text)\" is not a host", hint: "login.example.com or *.example.com, without port")
            }
            return text.lowercased()
        }
    }

    private static func checkHosts(_ services: [ServiceSettings], _ context: ReadingContext) {
        var owners: [String: String] = [:]
        for service in services {
            for host in service.hosts.isEmpty ? ["every host"] : service.hosts {
                if let other = owners[host] {
                    context.report(service.place, "services \"\(other)\" and \"\(service.name)\" both take \(host)")
                }
                owners[host] = service.name
            }
        }
    }

    private static func readUpstream(_ section: YAMLSection, _ context: ReadingContext) -> UpstreamSettings {
        var upstream = UpstreamSettings(place: section.place)
        upstream.servers = section.strings("servers").compactMap { weightedServer($0.text, $0.place, section, context) }
        if upstream.servers.isEmpty && context.problems.isEmpty {
            context.report(section.place, "\(section.path) needs at least one server")
        }
        if upstream.servers.count > 64 { context.report(section.place("servers"), "at most 64 servers a service") }
        readBalance(section, &upstream, context)
        section.duration("connect_timeout", &upstream.connectTimeout)
        section.duration("response_timeout", &upstream.responseTimeout)
        section.duration("idle_timeout", &upstream.idleTimeout)
        if let count = section.integer("keepalive", 0...100_000) { upstream.keepAlive = count }
        if let count = section.integer("max_failures", 0...1_000_000) { upstream.maximumFailures = count }
        section.duration("fail_timeout", &upstream.failTimeout)
        if let count = section.integer("retries", 0...10) { upstream.retries = count }
        if let value = section.boolean("preserve_host") { upstream.preservesHost = value }
        if let tls = section.section("tls") {
            upstream.caFile = tls.file("ca")
            if let value = tls.boolean("verify") { upstream.verifies = value }
            upstream.serverName = tls.string("server_name")
            tls.finish()
        }
        if let health = section.section("health") {
            upstream.checksHealth = true
            upstream.healthPath = health.string("path")
            if let path = upstream.healthPath,
                !path.hasPrefix("/") || path.utf8.contains(where: { $0 <= 32 || $0 >= 127 })
            {
                context.report(health.place("path"), "a health path begins with \"/\" and has no spaces")
            }
            health.duration("interval", &upstream.healthInterval)
            health.finish()
        }
        if Set(upstream.servers.map(\.usesTLS)).count > 1 {
            context.report(section.place("servers"), "the servers of one service are all http or all https")
        }
        section.finish()
        return upstream
    }

    private static func readBalance(
        _ section: YAMLSection, _ upstream: inout UpstreamSettings, _ context: ReadingContext
    ) {
        var slowStart = Duration.zero
        section.duration("slow_start", &slowStart)
        if slowStart > .zero { upstream.slowStart = slowStart }
        guard let balance = section.string("balance") else { return }
        switch balance {
        case "least_outstanding": upstream.balance = .leastOutstanding
        case "client_address": upstream.balance = .clientAddress
        default:
            let name = balance.hasPrefix("cookie.") ? String(balance.dropFirst(7)) : ""
            // A token (RFC 6265 §4.1.1); anything else is never a cookie's name.
            if name.isEmpty
                || name.utf8.contains(where: { $0 <= 32 || $0 >= 127 || "()<>@,;:\\\"/[]?={}".utf8.contains($0) })
            {
                context.report(
                    section.place("balance"), "\(section.name("balance")): \"\(balance)\" is no way to balance",
                    hint: "least_outstanding, client_address or cookie.NAME")
            }
            upstream.balance = .cookie(name)
        }
    }

    /// A server, and behind it " weight=N" if it is worth more or less than the others.
    private static func weightedServer(
        _ text: String, _ place: Place, _ section: YAMLSection, _ context: ReadingContext
    ) -> UpstreamSettings.Server? {
        let words = text.split(separator: " ")
        guard let last = words.last, words.count > 1, last.hasPrefix("weight=") else {
            return server(text, place, section, context)
        }
        guard let weight = Int(last.dropFirst(7)), (1...1000).contains(weight) else {
            context.report(place, "\"\(text)\": a weight is a number from 1 to 1000")
            return nil
        }
        var result = server(words.dropLast().joined(separator: " "), place, section, context)
        result?.weight = weight
        return result
    }

    private static func server(
        _ text: String, _ place: Place, _ section: YAMLSection, _ context: ReadingContext
    ) -> UpstreamSettings.Server? {
        if text.hasPrefix("unix:") {
            let path = context.resolve(String(text.dropFirst(5)), from: section.file)
            return UpstreamSettings.Server(text: "unix:\(path)", usesTLS: false, host: path, port: 0)
        }
        let usesTLS = text.hasPrefix("https://")
        guard usesTLS || text.hasPrefix("http://") else {
            context.report(
                place, "\"\(text)\" is not a server", hint: "http://host:port, https://host:port or unix:PATH")
            return nil
        }
        var rest = String(text.dropFirst(usesTLS ? 8 : 7))
        if rest.hasSuffix("/") { rest.removeLast() }
        var port: UInt16 = usesTLS ? 443 : 80
        var host = rest
        if let colon = rest.lastIndex(of: ":"), !rest.hasSuffix("]") {
            host = String(rest[..<colon])
            guard let number = UInt16(rest[rest.index(after: colon)...]), number > 0 else {
                context.report(place, "\"\(text)\" has no valid port")
                return nil
            }
            port = number
        }
        if host.hasPrefix("[") && host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        if host.isEmpty || host.utf8.contains(where: { $0 <= 32 || $0 >= 127 || $0 == 47 || $0 == 64 || $0 == 63 }) {
            context.report(
                place, "\"\(text)\" is not a server", hint: "a path cannot be given: requests keep their own")
            return nil
        }
        return UpstreamSettings.Server(text: text, usesTLS: usesTLS, host: host, port: port)
    }
}
