// SPDX-License-Identifier: Apache-2.0
import Logins
import Wire

/// A webhook: the notice's JSON or a template, signed as standardwebhooks.com says. Stateless.
enum WebhookFormat {
    static func message(
        _ notice: Notice, _ record: [UInt8], _ webhook: NotificationTarget.Webhook, unixSeconds: Int64
    ) -> NoticeMessage {
        let body = webhook.template?.fill(notice, attributes: record) ?? record
        var fields = webhook.headers + [NotificationTarget.Field("Content-Type", webhook.contentType)]
        fields.append(.init("webhook-id", notice.id))
        fields.append(.init("Idempotency-Key", notice.id))
        if let secret = webhook.secret {
            let signed = Array("\(notice.id).\(unixSeconds).".utf8) + body
            let code = Base64.encode(MessageCode.sha256(of: signed, key: secret))
            fields.append(.init("webhook-timestamp", "\(unixSeconds)"))
            fields.append(.init("webhook-signature", "v1," + String(decoding: code, as: UTF8.self)))
        }
        return NoticeMessage(fields: fields, body: body)
    }
}
