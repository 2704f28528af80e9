// SPDX-License-Identifier: Apache-2.0
import Wire

/// Why reported events were not taken: all or none are.
public struct ReportProblem: Error, Equatable, Sendable {
    public var reason: String
}

/// Reads events that an application reports itself, as JSON: one object of the native form's names, an array of them, or one a line. Stateless.
public enum ReportReader {
    /// Events of one report.
    public static let eventLimit = 1_000

    public static func read(_ body: [UInt8], services: [String], unixNanoseconds: Int64) throws(ReportProblem)
        -> [LoginEvent]
    {
        var texts: [[UInt8]] = [body]
        let trimmed = body.drop { $0 <= 32 }
        if trimmed.first == UInt8(ascii: "{") {
            let lines = body.split(separator: 10).map(Array.init).filter { $0.contains { $0 > 32 } }
            // An object that was written over several lines is not one object a line.
            if lines.count > 1 && lines.allSatisfy({ $0.last { $0 > 32 } == UInt8(ascii: "}") }) { texts = lines }
        }
        var events: [LoginEvent] = []
        for text in texts {
            var values = NamedValues()
            do throws(ContentError) { try JSONReader.read(text.span, into: &values) } catch {
                throw ReportProblem(reason: "no JSON: \(error)")
            }
            if values.isIncomplete { throw ReportProblem(reason: "too much at once: send fewer events") }
            for object in objects(in: values, isArray: trimmed.first == UInt8(ascii: "[")) {
                events.append(try event(object, number: events.count, services, unixNanoseconds))
                if events.count > eventLimit { throw ReportProblem(reason: "more than \(eventLimit) events") }
            }
        }
        if events.isEmpty { throw ReportProblem(reason: "no events") }
        return events
    }

    private typealias Fields = [(name: String, value: [UInt8])]

    /// The members of each object; those of an array come with their number in front.
    private static func objects(in values: NamedValues, isArray: Bool) -> [Fields] {
        var out: [Fields] = []
        var number: Substring?
        for entry in values.entries where entry.kind != .null {
            let name = String(decoding: values.arena[entry.name.bounds], as: UTF8.self)
            let value = Array(values.arena[entry.value.bounds])
            if !isArray {
                if out.isEmpty { out.append([]) }
                out[0].append((name, value))
                continue
            }
            let parts = name.split(separator: ".", maxSplits: 1)
            if parts.first != number || out.isEmpty { out.append([]) }
            number = parts.first
            out[out.count - 1].append((parts.count > 1 ? String(parts[1]) : "", value))
        }
        return out
    }

    private static func event(
        _ fields: Fields, number: Int, _ services: [String], _ now: Int64
    ) throws(ReportProblem) -> LoginEvent {
        func trouble(_ reason: String) -> ReportProblem { ReportProblem(reason: "event \(number): \(reason)") }
        func value(_ name: String) -> [UInt8]? { fields.first { $0.name == name }?.value }
        guard let name = value("event"), var report = DeclaredEvent(name: name.span) else {
            throw trouble("\"event\" must be a name of lower-case letters, digits, _ and .")
        }
        let service =
            value("service").map { String(decoding: $0, as: UTF8.self) } ?? (services.count == 1 ? services[0] : "")
        if !services.contains(service) {
            throw trouble("\"service\" must be one of \(services.joined(separator: ", "))")
        }
        var event = LoginEvent(capacity: 256)
        event.unixNanoseconds = now
        event.client = IPAddress(high: 0, low: 0)
        event.peer = event.client
        for (name, value) in fields {
            switch name {
            case "event", "service": continue
            case "route": event.texts.route = event.add(Array(value.prefix(64)))
            case "http.user_agent": event.texts.userAgent = event.add(Array(value.prefix(DeclaredEvent.textLimit)))
            case "http.client_ip":
                guard let address = IPAddress(value.span) else { throw trouble("\"http.client_ip\" is no address") }
                event.client = address
            case "time":
                guard let seconds = Timestamp.parse(value.span) else { throw trouble("\"time\" is not RFC 3339") }
                event.unixNanoseconds = seconds * 1_000_000_000
            case "usr.login", "usr.id", "usr.exists":
                if !report.set(Array(name.utf8).span, value.span) { throw trouble("\"\(name)\" cannot be this") }
            default:
                guard name.hasPrefix("tags."), report.set(Array(name.dropFirst(5).utf8).span, value.span) else {
                    throw trouble("unknown or too long: \"\(name)\"")
                }
            }
        }
        event.texts.service = event.add(Array(service.utf8))
        event.kind = report.kind
        event.outcome = report.outcome
        event.exists = report.exists
        event.texts.customName = event.add(report.name)
        event.hasLogin = report.login != nil
        event.texts.login = event.add(report.login ?? [])
        event.texts.userID = event.add(report.userID)
        for tag in report.tags { event.addTag(tag.name.span, tag.value.span) }
        return event
    }
}
