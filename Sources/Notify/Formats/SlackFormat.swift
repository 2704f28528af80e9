// SPDX-License-Identifier: Apache-2.0
import Logins
import Wire

/// Slack's incoming webhooks: a text for lists and notifications, and blocks beside a bar of colour. Stateless.
enum SlackFormat {
    static func message(_ notice: Notice) -> NoticeMessage {
        var json = JSONWriter()
        json.beginObject()
        json.key("text")
        json.string(escaped(notice.title))
        json.key("attachments")
        json.beginArray()
        json.beginObject()
        json.key("color")
        json.string(color(notice.severity))
        json.key("blocks")
        json.beginArray()
        section(PlainText.lines(notice, names: 20).dropFirst().joined(separator: "\n"), &json)
        json.endArray()
        json.endObject()
        json.endArray()
        json.endObject()
        return .json(json.bytes)
    }

    private static func section(_ text: String, _ json: inout JSONWriter) {
        json.beginObject()
        json.key("type")
        json.string("section")
        json.key("text")
        json.beginObject()
        // Names of accounts come from attackers: nothing in this text is a link, a mention or a format.
        json.key("type")
        json.string("plain_text")
        json.key("emoji")
        json.boolean(false)
        json.key("text")
        json.string(String(text.prefix(2_900)))
        json.endObject()
        json.endObject()
    }

    /// The three characters that Slack gives a meaning in a plain message.
    private static func escaped(_ text: String) -> String {
        var out = ""
        for character in text {
            switch character {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            default: out.append(character)
            }
        }
        return out
    }

    private static func color(_ severity: Severity) -> String {
        switch severity {
        case .low: "#9e9e9e"
        case .medium: "#f2c744"
        case .high: "#e8912d"
        case .critical: "#d00000"
        }
    }
}
