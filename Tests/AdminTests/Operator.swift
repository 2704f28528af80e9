// SPDX-License-Identifier: Apache-2.0
import Glibc
import Transport
import Wire

@testable import Admin

/// An admin server on a free port of loopback with answers that a test chose, and a client that sends it any bytes.
final class Operator {
    let server: AdminServer

    init(
        metrics: @escaping @Sendable () -> [MetricFamily] = { [] },
        readiness: @escaping @Sendable () -> [(check: String, trouble: String?)] = { [] },
        events:
            @escaping @Sendable (_ limit: Int, _ login: String?, _ client: String?) -> Result<[String], AdminTrouble> =
            {
                _, _, _ in .success([])
            },
        reload: @escaping @Sendable (@escaping AdminActions.Reloaded) -> Void = { $0(1, [], []) }
    ) throws {
        let actions = AdminActions(
            metrics: metrics, status: { Array("{\"pid\":1}".utf8) }, readiness: readiness, events: events,
            reload: reload)
        server = try AdminServer(address: .ip(.loopback, 0), actions: actions)
    }

    deinit { server.stop() }

    func connect() throws -> Client { Client(try Socket.connect(to: server.address)) }

    /// Status, head and body of the answer to these bytes, which arrive in one piece; nil when there was none.
    func answer(_ bytes: String) throws -> Answer? {
        let client = try connect()
        client.send(Array(bytes.utf8))
        return client.readAnswer()
    }

    func get(_ path: String, _ method: String = "GET") throws -> Answer? {
        try answer("\(method) \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
    }
}

/// What came back. A value.
struct Answer {
    var status: Int
    var head: String
    var body: String

    /// The answer in these bytes; nil when they hold none.
    init?(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let end = text.firstRange(of: "\r\n\r\n"), let status = Int(text.dropFirst(9).prefix(3)) else {
            return nil
        }
        self.status = status
        head = String(text[..<end.lowerBound])
        body = String(text[end.upperBound...])
    }
}

/// A blocking connection that gives up after ten seconds. Owned by its test.
final class Client {
    private let descriptor: Descriptor

    init(_ descriptor: consuming Descriptor) {
        let flags = fcntl(descriptor.raw, F_GETFL)
        _ = fcntl(descriptor.raw, F_SETFL, flags & ~O_NONBLOCK)
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            _ = unsafe setsockopt(descriptor.raw, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        self.descriptor = descriptor
    }

    func send(_ bytes: [UInt8]) {
        _ = unsafe Glibc.send(descriptor.raw, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    func readAnswer() -> Answer? { Answer(readAll().bytes) }

    /// All bytes up to the end, and whether it was a clean one.
    func readAll() -> (bytes: [UInt8], isClean: Bool) {
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe recv(descriptor.raw, &block, block.count, 0)
            if count <= 0 { return (bytes, count == 0) }
            bytes += block[..<count]
        }
    }
}

/// Reloads that were asked for and wait for their outcome. Shared by a test and the admin loop.
final class HeldReloads: Sendable {
    private let waiting = Guarded<[AdminActions.Reloaded]>([])

    var count: Int { waiting.withLock { $0.count } }

    func add(_ reloaded: @escaping AdminActions.Reloaded) { waiting.withLock { $0.append(reloaded) } }

    func finish() { for reloaded in waiting.withLock({ $0 }) { reloaded(7, [], []) } }
}

/// Whether it came true within ten seconds.
func eventually(_ condition: () -> Bool) -> Bool {
    let end = ContinuousClock.now + .seconds(10)
    while !condition() {
        if ContinuousClock.now > end { return false }
        usleep(5_000)
    }
    return true
}
