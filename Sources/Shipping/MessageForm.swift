// SPDX-License-Identifier: Apache-2.0

/// A message that is ready to go. A value.
package struct OutgoingMessage: Sendable {
    package var headers: [(String, String)]
    package var body: [UInt8]

    package init(headers: [(String, String)], body: [UInt8]) {
        self.headers = headers
        self.body = body
    }
}

/// Makes of each record of the spool one message of its own, or none.
package struct MessageForm: Equatable, Sendable {
    package enum Way: Equatable, Sendable {
        case http(url: String)
        case mail(MailRoute)
    }

    package var way: Way
    /// Whoever changes what `make` does counts it up.
    package var revision: Int
    /// nil: this record is nothing for this target.
    package var make: @Sendable (_ record: [UInt8]) -> OutgoingMessage?

    package init(way: Way, revision: Int, make: @escaping @Sendable (_ record: [UInt8]) -> OutgoingMessage?) {
        self.way = way
        self.revision = revision
        self.make = make
    }

    package static func == (one: MessageForm, other: MessageForm) -> Bool {
        one.way == other.way && one.revision == other.revision
    }
}

/// By which server mails go, from whom and to whom. A value.
package struct MailRoute: Equatable, Sendable {
    package enum Encryption: Sendable {
        case required, opportunistic, off
    }

    /// smtp:// or smtps://.
    package var url: String
    package var from: String
    package var to: [String]
    package var user: String?
    package var password: String?
    package var encryption: Encryption

    package init(
        url: String, from: String, to: [String], user: String?, password: String?, encryption: Encryption
    ) {
        self.url = url
        self.from = from
        self.to = to
        self.user = user
        self.password = password
        self.encryption = encryption
    }
}

/// Delivers messages to one target, one at a time. Owned by a `Sender`, or by whoever tests a target.
package final class MessageClient: Sendable {
    private enum Client: Sendable {
        case http(HTTPClient)
        case mail(MailClient)
    }

    private let form: MessageForm
    private let client: Client

    package init(_ form: MessageForm, security: SinkDescription.Security, timeout: Duration) {
        self.form = form
        switch form.way {
        case .http(let url):
            client = .http(HTTPClient(url: url, headers: [], security: security, timeout: timeout))
        case .mail(let route): client = .mail(MailClient(route, security: security, timeout: timeout))
        }
    }

    func deliver(_ record: [UInt8]) -> Delivery {
        guard let message = form.make(record) else { return .passedOver }
        switch client {
        case .http(let client): return client.post(message.body, headers: message.headers) { _ in 0 }
        case .mail(let client): return client.send(message.body)
        }
    }

    func giveUp(after duration: Duration) {
        switch client {
        case .http(let client): client.giveUp(after: duration)
        case .mail(let client): client.giveUp(after: duration)
        }
    }

    /// Tries once. nil: it is there; otherwise why not.
    package func tryOnce(_ record: [UInt8]) -> String? {
        switch deliver(record) {
        case .delivered: nil
        case .passedOver: "this target takes no such message"
        case .retry(_, let reason), .refused(let reason, _), .partly(_, _, _, let reason): reason
        }
    }
}
