// SPDX-License-Identifier: Apache-2.0
import Logins
import Wire

/// An Adaptive Card, as a workflow of Teams takes it from a webhook. Stateless.
enum TeamsFormat {
    static func message(_ notice: Notice) -> NoticeMessage {
        var json = JSONWriter()
        json.beginObject()
        json.key("type")
        json.string("message")
        json.key("attachments")
        json.beginArray()
        json.beginObject()
        json.key("contentType")
        json.string("application/vnd.microsoft.card.adaptive")
        json.key("contentUrl")
        json.null()
        json.key("content")
        writeCard(notice, &json)
        json.endObject()
        json.endArray()
        json.endObject()
        return .json(json.bytes)
    }

    private static func writeCard(_ notice: Notice, _ json: inout JSONWriter) {
        json.beginObject()
        json.key("$schema")
        json.string("http://adaptivecards.io/schemas/adaptive-card.json")
        json.key("type")
        json.string("AdaptiveCard")
        json.key("version")
        json.string("1.4")
        json.key("body")
        json.beginArray()
        json.beginObject()
        json.key("type")
        json.string("TextBlock")
        json.key("weight")
        json.string("Bolder")
        json.key("color")
        json.string(notice.severity >= .high ? "Attention" : notice.severity == .medium ? "Warning" : "Default")
        json.key("wrap")
        json.boolean(true)
        json.key("text")
        json.string(escaped(notice.title))
        json.endObject()
        json.beginObject()
        json.key("type")
        json.string("FactSet")
        json.key("facts")
        json.beginArray()
        for fact in facts(notice) {
            json.beginObject()
            json.key("title")
            json.string(fact.name)
            json.key("value")
            json.string(escaped(fact.value))
            json.endObject()
        }
        json.endArray()
        json.endObject()
        json.endArray()
        json.endObject()
    }

    private static func facts(_ notice: Notice) -> [(name: String, value: String)] {
        var facts = notice.facts
        for trait in notice.traits.prefix(5) { facts.append(("Trait", Notice.plain(Array(trait.utf8)))) }
        let (names, more) = notice.names(limit: 20)
        if !names.isEmpty {
            facts.append(("Accounts", names.joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")))
        }
        facts.append(("Everything", "loginward signals show \(notice.signal)"))
        return facts
    }

    /// Cards read Markdown, and names come from attackers.
    private static func escaped(_ text: String) -> String {
        var out = ""
        for character in text {
            if "\\`*_[]()<>#!|~".contains(character) { out.append("\\") }
            out.append(character)
        }
        return out
    }
}
