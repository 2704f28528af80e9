// SPDX-License-Identifier: Apache-2.0
import Logins
import Wire

/// The form of a notice in the queue and for webhooks.
extension Notice {
    package var json: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.key("id")
        json.string(id)
        json.key("notice")
        json.string(kind.rawValue)
        json.key("title")
        json.string(title)
        json.key("date")
        json.string(Notice.date(unixSeconds))
        json.key("timestamp")
        json.number(unixSeconds)
        json.key("host")
        json.string(host)
        writeSignal(&json)
        json.key("usr")
        json.beginObject()
        json.key("login")
        json.beginArray()
        for person in people { json.string(person.login.span) }
        json.endArray()
        json.key("id")
        json.beginArray()
        for person in people where !person.id.isEmpty { json.string(person.id.span) }
        json.endArray()
        json.endObject()
        json.key("accounts")
        json.beginArray()
        for person in people { Notice.write(person, &json) }
        json.endArray()
        json.endObject()
        return json.bytes
    }

    private func writeSignal(_ json: inout JSONWriter) {
        json.key("signal")
        json.beginObject()
        json.key("id")
        json.string(signal)
        json.key("incident")
        json.string(incident)
        json.key("type")
        json.string(type.rawValue)
        json.key("severity")
        json.string(severity.text)
        json.key("onset")
        json.number(onset)
        json.key("attempts")
        json.number(Int64(attempts))
        json.key("stopped")
        json.number(Int64(stopped))
        json.key("withheld")
        json.number(Int64(withheld))
        json.key("accounts")
        json.number(Int64(accounts))
        json.key("compromised")
        json.number(Int64(compromised))
        if !restraint.isEmpty {
            json.key("restraint")
            json.string(restraint)
        }
        json.key("traits")
        json.beginArray()
        for trait in traits { json.string(trait) }
        json.endArray()
        json.endObject()
    }

    private static func write(_ person: Person, _ json: inout JSONWriter) {
        json.beginObject()
        json.key("login")
        json.string(person.login.span)
        if !person.id.isEmpty {
            json.key("id")
            json.string(person.id.span)
        }
        if !person.address.isEmpty {
            json.key("ip")
            json.string(person.address)
        }
        json.endObject()
    }

    /// Reads what `json` has written; nil when it is something else, as after damage on the disk.
    package init?(json bytes: [UInt8]) {
        var values = NamedValues()
        guard (try? JSONReader.read(bytes.span, into: &values)) != nil, !values.isIncomplete else { return nil }
        var texts: [String: [UInt8]] = [:]
        for entry in values.entries {
            texts[String(decoding: values.arena[entry.name.bounds], as: UTF8.self)] = Array(
                values.arena[entry.value.bounds])
        }
        func text(_ name: String) -> String { String(decoding: texts[name] ?? [], as: UTF8.self) }
        func number(_ name: String) -> Int { Int(text(name)) ?? 0 }
        guard let kind = NoticeKind(rawValue: text("notice")), let type = SignalType(rawValue: text("signal.type")),
            let severity = Severity.allCases.first(where: { $0.text == text("signal.severity") }), texts["id"] != nil
        else { return nil }
        self.init(
            kind, id: text("id"), unixSeconds: Int64(number("timestamp")), host: text("host"),
            signal: text("signal.id"), incident: text("signal.incident"), type: type, severity: severity)
        attempts = number("signal.attempts")
        stopped = number("signal.stopped")
        withheld = number("signal.withheld")
        accounts = number("signal.accounts")
        compromised = number("signal.compromised")
        onset = Int64(number("signal.onset"))
        restraint = text("signal.restraint")
        while let trait = texts["signal.traits.\(traits.count)"] {
            traits.append(String(decoding: trait, as: UTF8.self))
        }
        while let login = texts["accounts.\(people.count).login"] {
            let place = "accounts.\(people.count)"
            people.append(Person(login: login, id: texts["\(place).id"] ?? [], address: text("\(place).ip")))
        }
    }
}
