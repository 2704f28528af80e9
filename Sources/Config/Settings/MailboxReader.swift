// SPDX-License-Identifier: Apache-2.0
import Notify
import Wire

/// Reads where mails go.
enum MailboxReader {
    static func read(_ section: YAMLSection, _ context: ReadingContext) -> NotificationTarget.Mailbox? {
        let server = section.required("server")
        if let server, !server.hasPrefix("smtp://") && !server.hasPrefix("smtps://") {
            context.report(
                section.place("server"), "\"\(server)\" is no mail server", hint: "smtp://HOST:25 or smtps://HOST:465")
        }
        let from = section.required("from")
        if let from { check(from, section.place("from"), context) }
        let to = section.strings("to")
        if to.isEmpty { context.report(section.place, "\(section.path) needs \"to\"") }
        for (address, place) in to { check(address, place, context) }
        var mailbox = NotificationTarget.Mailbox(server: server ?? "", from: from ?? "", to: to.map(\.text))
        if let encryption = section.choice("starttls", NotificationTarget.Mailbox.Encryption.self) {
            mailbox.encryption = encryption
        }
        mailbox.user = section.string("username")
        mailbox.password = NotificationReader.secret(
            "password", section, context, isNeeded: mailbox.user != nil)
        if mailbox.user != nil && mailbox.encryption == .off && server?.hasPrefix("smtp://") == true {
            context.report(section.place("starttls"), "a password must not go out without encryption")
        }
        return server == nil || from == nil || to.isEmpty ? nil : mailbox
    }

    /// Enough to keep commands and fields out; what else is wrong the server says.
    private static func check(_ address: String, _ place: Place, _ context: ReadingContext) {
        let parts = address.split(separator: "@", omittingEmptySubsequences: false)
        let isClean = address.utf8.allSatisfy { $0 > 32 && $0 < 127 && !"<>,;:\"()\\".utf8.contains($0) }
        if !isClean || parts.count != 2 || parts.contains(where: \.isEmpty) || address.utf8.count > 254 {
            context.report(place, "\"\(address)\" is no mail address", hint: "name@example.com")
        }
    }
}
