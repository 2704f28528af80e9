// SPDX-License-Identifier: Apache-2.0
import Wire

/// A mail (RFC 5322) in plain text. Nothing that an attacker chose stands in its head. Stateless.
enum MailFormat {
    static func message(_ notice: Notice, _ mailbox: NotificationTarget.Mailbox) -> NoticeMessage {
        var date: [UInt8] = []
        HTTPDate.write(unixSeconds: notice.unixSeconds, to: &date)
        let when = String(decoding: date.dropLast(3), as: UTF8.self) + "+0000"
        let domain = mailbox.from.split(separator: "@").last.map(String.init) ?? "localhost"
        let head = [
            "Date: \(when)", "From: Loginward <\(mailbox.from)>",
            "To: " + mailbox.to.map { "<\($0)>" }.joined(separator: ",\r\n "),
            "Subject: [Loginward] \(notice.title)", "Message-ID: <\(word(notice.id))@\(domain)>",
            "References: <\(word(notice.incident))@\(domain)>", "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64",
        ]
        var body = Array((head.joined(separator: "\r\n") + "\r\n\r\n").utf8)
        let text = PlainText.lines(notice, names: 200).joined(separator: "\r\n") + "\r\n"
        let encoded = Base64.encode(Array(text.utf8))
        var start = 0
        while start < encoded.count {
            let end = min(encoded.count, start + 76)
            body += encoded[start..<end]
            body += [13, 10]
            start = end
        }
        return NoticeMessage(fields: [], body: body)
    }

    /// Letters and digits of an id, as a message's name may hold them.
    private static func word(_ text: String) -> String {
        String(text.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "." })
    }
}
