// SPDX-License-Identifier: Apache-2.0
import Glibc
import Logins
import Transport
import Wire

/// How one sink takes a batch: what it is written as, and who carries it. Owned by a `Sender`; `attempt` only on its queue, the others from any
/// thread.
final class Target: Sendable {
    private enum Carrier: Sendable {
        case otlp(HTTPClient, OTLPEncoder)
        case http(HTTPClient, SinkDescription.Framing)
        case syslog(LineConnection, SyslogFrame)
        case file(FileWriter)
        case messages(MessageClient)
    }

    private let carrier: Carrier
    private let schema: SinkDescription.Schema
    private let usesGzip: Bool
    private let signature: SinkDescription.Signature?
    private let host: String

    init(_ description: SinkDescription, host: String) {
        self.host = host
        schema = description.schema
        usesGzip = description.usesGzip
        signature = description.signature
        func client(_ url: String, _ type: String) -> HTTPClient {
            let coding = description.usesGzip ? [("Content-Encoding", "gzip")] : []
            return HTTPClient(
                url: url, headers: [("Content-Type", type)] + coding + description.headers,
                security: description.security, timeout: description.timeout)
        }
        switch description.kind {
        case .otlp(let encoding, let url):
            let type = encoding == .json ? "application/json" : "application/x-protobuf"
            carrier = .otlp(client(url, type), OTLPEncoder(host: host, encoding: encoding))
        case .http(let url, let framing):
            carrier = .http(client(HTTPBody.url(url, framing), HTTPBody.contentType(framing)), framing)
        case .syslog(let url):
            let connection = LineConnection(url: url, security: description.security, timeout: description.timeout)
            carrier = .syslog(connection, SyslogFrame(host: host, process: getpid()))
        case .file(let path, let rotation): carrier = .file(FileWriter(path: path, rotation: rotation))
        case .messages(let form):
            carrier = .messages(MessageClient(form, security: description.security, timeout: description.timeout))
        }
    }

    /// Ends what runs now, and whatever begins later, at this moment from now.
    func giveUp(after duration: Duration) {
        switch carrier {
        case .otlp(let client, _), .http(let client, _): client.giveUp(after: duration)
        case .syslog(let connection, _): connection.giveUp(after: duration)
        case .messages(let client): client.giveUp(after: duration)
        case .file: break
        }
    }

    func reopen() {
        if case .file(let file) = carrier { file.reopen() }
    }

    /// `seen` is shown what an HTTP receiver answered, whatever is made of it.
    func attempt(_ lines: ArraySlice<[UInt8]>, seen: (HTTPAnswer) -> Void = { _ in }) -> Delivery {
        switch carrier {
        case .messages(let client): return client.deliver(lines.first ?? [])
        case .file(let file):
            if schema == .native { return file.append(lines) }
            let (documents, unreadable) = documents(lines)
            return Self.with(unreadable, file.append(documents.map(\.bytes)[...]))
        case .otlp(let client, let encoder):
            let (body, unreadable) = encoder.encode(Array(lines), observedUnixNanoseconds: Host.unixNanoseconds())
            if unreadable == lines.count { return .delivered(rejected: UInt64(unreadable)) }
            let (sent, signed) = pack(body)
            return client.ask(sent, headers: signed) { answer in
                seen(answer)
                guard case .delivered = answer.delivery else { return answer.delivery }
                let rejected = encoder.rejected(in: answer.body)
                return .delivered(rejected: rejected.addingReportingOverflow(UInt64(unreadable)).partialValue)
            }
        case .http(let client, let framing):
            var body = HTTPBody(framing, host: host)
            let (documents, unreadable) = documents(lines)
            // Of a line that is no event nothing is left to send.
            if unreadable.count == lines.count { return Self.with(unreadable, .delivered(rejected: 0)) }
            for document in documents { body.add(document.bytes, of: document.event) }
            let places = documents.map(\.place)
            let (sent, signed) = pack(body.finish())
            return Self.with(
                unreadable,
                client.ask(sent, headers: signed) { answer in
                    seen(answer)
                    return Self.judge(answer, framing: framing, places: places)
                })
        case .syslog(let connection, let frame):
            var body: [UInt8] = []
            let (documents, unreadable) = documents(lines)
            for document in documents { frame.append(document.bytes, of: document.event, to: &body) }
            return Self.with(unreadable, body.isEmpty ? .delivered(rejected: 0) : connection.send(body))
        }
    }

    private struct Document {
        var place: Int
        var bytes: [UInt8]
        var event: EventFields
    }

    /// The lines in the words of the schema, and the places of those that are no events.
    private func documents(_ lines: ArraySlice<[UInt8]>) -> (documents: [Document], unreadable: [Int]) {
        let logged = Int64(clamping: Host.unixNanoseconds() / 1_000_000)
        var documents: [Document] = []
        var unreadable: [Int] = []
        for (place, line) in lines.enumerated() {
            var event = EventFields()
            if event.read(line) {
                documents.append(Document(place: place, bytes: write(event, loggedMilliseconds: logged), event: event))
            } else {
                unreadable.append(place)
            }
        }
        return (documents, unreadable)
    }

    private func write(_ event: EventFields, loggedMilliseconds: Int64) -> [UInt8] {
        switch schema {
        case .native: event.line
        case .ocsf: OCSFEncoder.encode(event, loggedMilliseconds: loggedMilliseconds)
        case .ecs: ECSEncoder.encode(event)
        case .datadog: DatadogEncoder.encode(event, host: host)
        case .cef: CEFEncoder.encode(event)
        }
    }

    /// The body as it goes over the wire, and what signs it.
    private func pack(_ body: [UInt8]) -> (sent: [UInt8], signed: [(String, String)]) {
        // Without memory there would be no request either: an empty body is refused and seen.
        let sent = usesGzip ? Deflater.gzip(body) ?? [] : body
        guard let signature else { return (sent, []) }
        let seconds = String(Host.unixNanoseconds() / 1_000_000_000)
        let code = MessageCode.sha256(of: Array("\(seconds).".utf8) + sent, key: signature.key)
        var hex = ""
        for byte in code { hex += (byte < 16 ? "0" : "") + String(byte, radix: 16) }
        return (sent, [(signature.header, "t=\(seconds),v1=\(hex)")])
    }

    /// Reads what the receivers that answer for single events say of them.
    private static func judge(
        _ answer: HTTPAnswer, framing: SinkDescription.Framing, places: [Int]
    ) -> Delivery {
        switch (framing, answer.status) {
        case (.elasticBulk, 200..<300):
            if answer.isCut { return .refused(reason: "an answer of more than 1 MiB", isTooLarge: true) }
            guard let items = BulkAnswer.items(of: answer.body, count: places.count) else {
                return .retry(after: nil, reason: "an answer that is none to a bulk request")
            }
            var again: [Int] = []
            var refused: [(place: Int, reason: String)] = []
            for (item, place) in zip(items, places) {
                switch item.status {
                // It is there already: an answer to the first attempt was lost.
                case 200..<300, 409: break
                case 429, 500..<600: again.append(place)
                default: refused.append((place, "status \(item.status) \(item.reason)"))
                }
            }
            if again.isEmpty && refused.isEmpty { return .delivered(rejected: 0) }
            return .partly(
                again: again, refused: refused, after: answer.retryAfter, reason: "\(again.count) events are put off")
        case (.splunkHEC, 400):
            guard let number = BulkAnswer.invalidEvent(in: answer.body), places.indices.contains(number) else {
                return answer.delivery
            }
            return .partly(
                again: Array(places[(number + 1)...]), refused: [(places[number], "status 400, invalid event")],
                after: .zero, reason: "an event is invalid")
        default: return answer.delivery
        }
    }

    /// A delivery, and lines that are no events.
    private static func with(_ unreadable: [Int], _ delivery: Delivery) -> Delivery {
        if unreadable.isEmpty { return delivery }
        let none = unreadable.map { (place: $0, reason: "no event") }
        switch delivery {
        case .delivered: return .partly(again: [], refused: none, after: nil, reason: "")
        case .partly(let again, let refused, let after, let reason):
            return .partly(again: again, refused: refused + none, after: after, reason: reason)
        case .retry, .refused, .passedOver: return delivery
        }
    }
}
