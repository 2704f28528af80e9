// SPDX-License-Identifier: Apache-2.0

/// A notice as lines of text. Stateless.
enum PlainText {
    static func lines(_ notice: Notice, names limit: Int) -> [String] {
        var lines = [notice.title]
        if notice.kind == .test { lines.append("Messages of this kind arrive.") }
        lines += notice.facts.map { "\($0.name): \($0.value)" }
        lines += notice.traits.prefix(10).map { "Trait: \(Notice.plain(Array($0.utf8)))" }
        let (names, more) = notice.names(limit: limit)
        for (index, name) in names.enumerated() {
            let person = notice.people[index]
            let id = person.id.isEmpty ? "" : ", id \(Notice.plain(person.id))"
            lines.append("Account: \(name)\(id)\(person.address.isEmpty ? "" : ", last from \(person.address)")")
        }
        if more > 0 { lines.append("and \(more) more") }
        lines.append("Everything: loginward signals show \(notice.signal)")
        return lines
    }
}
