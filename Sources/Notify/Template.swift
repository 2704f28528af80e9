// SPDX-License-Identifier: Apache-2.0
import Logins
import Wire

/// The body of a webhook with variables in it, by the names that people know from Datadog. A value.
///
/// `$SECURITY_SIGNAL_ATTRIBUTES` stands for a JSON object, every other variable for text that may stand inside a JSON string.
package struct Template: Equatable, Sendable {
    package enum Variable: String, CaseIterable, Sendable {
        case attributes = "SECURITY_SIGNAL_ATTRIBUTES"
        case id = "SECURITY_SIGNAL_ID"
        case severity = "SECURITY_SIGNAL_SEVERITY"
        case title = "SECURITY_SIGNAL_TITLE"
        case message = "SECURITY_SIGNAL_MSG"
        case rule = "SECURITY_RULE_NAME"
        case notice = "NOTICE"
        case notificationID = "ID"
        case date = "DATE"
        case host = "HOSTNAME"
    }

    enum Part: Equatable, Sendable {
        case text([UInt8])
        case variable(Variable)
    }

    let parts: [Part]

    /// Why a text is no template: a variable that there is not.
    package struct Trouble: Error, Equatable {
        package var variable: String
    }

    /// "$" followed by capital letters and "_" is a variable; "$$" stands for "$".
    package init(_ text: String) throws(Trouble) {
        var parts: [Part] = []
        var plain: [UInt8] = []
        let bytes = Array(text.utf8)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if byte != UInt8(ascii: "$") {
                plain.append(byte)
                continue
            }
            if index < bytes.count && bytes[index] == byte {
                plain.append(byte)
                index += 1
                continue
            }
            let name = bytes[index...].prefix { $0 >= 65 && $0 <= 90 || $0 == UInt8(ascii: "_") }
            if name.isEmpty {
                plain.append(byte)
                continue
            }
            let word = String(decoding: name, as: UTF8.self)
            guard let variable = Variable(rawValue: word) else { throw Trouble(variable: word) }
            if !plain.isEmpty { parts.append(.text(plain)) }
            plain = []
            parts.append(.variable(variable))
            index += name.count
        }
        if !plain.isEmpty { parts.append(.text(plain)) }
        self.parts = parts
    }

    /// The text for one notice; `attributes` is its JSON.
    func fill(_ notice: Notice, attributes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        for part in parts {
            switch part {
            case .text(let text): out += text
            case .variable(.attributes): out += attributes
            case .variable(let variable):
                JSONWriter.escape(Array(Template.value(variable, notice).utf8).span, into: &out)
            }
        }
        return out
    }

    private static func value(_ variable: Variable, _ notice: Notice) -> String {
        switch variable {
        case .attributes: ""
        case .id: notice.signal
        case .severity: notice.severity.text
        case .title: notice.title
        case .message: PlainText.lines(notice, names: 20).joined(separator: "\n")
        case .rule: notice.type.rawValue
        case .notice: notice.kind.rawValue
        case .notificationID: notice.id
        case .date: Notice.date(notice.unixSeconds)
        case .host: notice.host
        }
    }

    /// Whether the text that it gives is JSON, tried with an invented notice.
    package var makesJSON: Bool {
        let notice = Notice.test(id: "test", unixSeconds: 0, host: "host")
        var values = NamedValues()
        return (try? JSONReader.read(fill(notice, attributes: notice.json).span, into: &values)) != nil
    }
}
