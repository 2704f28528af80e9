// SPDX-License-Identifier: Apache-2.0
import Glibc
import Transport

/// How one sink takes a batch: what it is written as, and who carries it. Owned by a `Sender`; `attempt` only on its queue, the others from any
/// thread.
final class Target: Sendable {
    private enum Carrier: Sendable {
        case otlp(HTTPClient, OTLPEncoder)
        case http(HTTPClient, SinkDescription.Framing)
        case syslog(LineConnection, SyslogFrame)
        case file(FileWriter)
    }

    private let carrier: Carrier
    private let schema: SinkDescription.Schema

    init(_ description: SinkDescription, host: String) {
        schema = description.schema
        func client(_ url: String, _ type: String) -> HTTPClient {
            HTTPClient(
                url: url, headers: [("Content-Type", type)] + description.headers, security: description.security,
                timeout: description.timeout)
        }
        switch description.kind {
        case .otlp(let encoding, let url):
            let type = encoding == .json ? "application/json" : "application/x-protobuf"
            carrier = .otlp(client(url, type), OTLPEncoder(host: host, encoding: encoding))
        case .http(let url, let framing):
            carrier = .http(client(url, framing == .ndjson ? "application/x-ndjson" : "application/json"), framing)
        case .syslog(let url):
            let connection = LineConnection(url: url, security: description.security, timeout: description.timeout)
            carrier = .syslog(connection, SyslogFrame(host: host, process: getpid()))
        case .file(let path): carrier = .file(FileWriter(path: path))
        }
    }

    /// Ends what runs now, and whatever begins later, at this moment from now.
    func giveUp(after duration: Duration) {
        switch carrier {
        case .otlp(let client, _), .http(let client, _): client.giveUp(after: duration)
        case .syslog(let connection, _): connection.giveUp(after: duration)
        case .file: break
        }
    }

    func reopen() {
        if case .file(let file) = carrier { file.reopen() }
    }

    func attempt(_ lines: ArraySlice<[UInt8]>) -> Delivery {
        switch carrier {
        case .file(let file): return file.append(lines)
        case .otlp(let client, let encoder):
            let (body, unreadable) = encoder.encode(Array(lines), observedUnixNanoseconds: Host.unixNanoseconds())
            if unreadable == lines.count { return .delivered(rejected: UInt64(unreadable)) }
            return client.post(body) {
                encoder.rejected(in: $0).addingReportingOverflow(UInt64(unreadable)).partialValue
            }
        case .http(let client, let framing): return client.post(body(lines, framing)) { _ in 0 }
        case .syslog(let connection, let frame):
            var body: [UInt8] = []
            var event = EventFields()
            let logged = Int64(clamping: Host.unixNanoseconds() / 1_000_000)
            var unreadable = 0
            for line in lines {
                if event.read(line) {
                    frame.append(write(event, loggedMilliseconds: logged), of: event, to: &body)
                } else {
                    unreadable += 1
                }
            }
            if body.isEmpty { return .delivered(rejected: UInt64(unreadable)) }
            let delivery = connection.send(body)
            if case .delivered = delivery { return .delivered(rejected: UInt64(unreadable)) }
            return delivery
        }
    }

    private func write(_ event: EventFields, loggedMilliseconds: Int64) -> [UInt8] {
        switch schema {
        case .native: event.line
        case .ocsf: OCSFEncoder.encode(event, loggedMilliseconds: loggedMilliseconds)
        case .cef: CEFEncoder.encode(event)
        }
    }

    private func body(_ lines: ArraySlice<[UInt8]>, _ framing: SinkDescription.Framing) -> [UInt8] {
        let isArray = framing == .array
        var body: [UInt8] = isArray ? [UInt8(ascii: "[")] : []
        for index in lines.indices {
            if isArray && index > lines.startIndex { body.append(UInt8(ascii: ",")) }
            body.append(contentsOf: lines[index])
            if !isArray { body.append(10) }
        }
        if isArray { body.append(UInt8(ascii: "]")) }
        return body
    }
}
