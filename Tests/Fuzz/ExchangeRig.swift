// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logins
import Proxy
import Transport
import Wire

/// A whole gate on one loop that is turned by hand: real connections on both sides, the client's and the server's end in our hands. Both
/// write what they are given in the pieces they are given, and nothing happens between two pieces that a turn of the loop does not do.
final class ExchangeRig {
    /// What came out at both ends.
    struct Result {
        var toServer: [UInt8] = []
        /// The same, by connection.
        var toServers: [[UInt8]] = []
        var toClient: [UInt8] = []
    }

    /// What a server does when it has a request.
    enum Server {
        /// A fixed good answer to each, once nothing more of the request comes.
        case good
        /// These bytes in pieces, then perhaps its end, on each connection once.
        case bytes([UInt8], ends: Bool)
    }

    static let answer = Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".utf8)

    private let loop: Loop
    private let worker: Worker
    private let listener: ListeningSocket
    private let policy: Policy
    private var servers: [(descriptor: Int32, isAnswered: Bool, hasNews: Bool)] = []
    private var result = Result()
    private var room = [UInt8](repeating: 0, count: 65_536)

    init?() {
        let path = "\(Fuzz.folder)/gate-\(getpid()).sock"
        do {
            listener = try ListeningSocket(.unix(path))
            guard let policy = Policy.plain(server: .unix(path)) else { return nil }
            self.policy = policy
            loop = try Loop(name: "fuzz")
            worker = Worker(
                loop: loop, policy: policy, events: EventRing(), accessLog: LogFile(), seed: (1, 2),
                ledger: AttemptLedger(
                    settings: DetectionSettings(), seed: 3,
                    devices: DeviceTokens(key: [UInt8](repeating: 7, count: DeviceTokens.keyBytes)), unixSeconds: 0),
                reportFault: { _, _ in })
            loop.context = worker
        } catch {
            return nil
        }
    }

    /// One connection from its first byte to its end. `cut` gives the end of the piece that begins at its argument, up to a count.
    func run(client bytes: [UInt8], server: Server, cut: (Int, Int) -> Int) -> Result {
        result = Result()
        var ends: [2 of Int32] = [-1, -1]
        let made = unsafe withUnsafeMutablePointer(to: &ends) {
            unsafe $0.withMemoryRebound(to: Int32.self, capacity: 2) {
                unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0, $0)
            }
        }
        precondition(made == 0)
        let client = ends[0]
        worker.accept(
            Stream(descriptor: Descriptor(owning: ends[1])), peer: .ip(.loopback, 1), listener: policy.listeners[0])
        settle(client)
        send(bytes, to: client, cut) { settle(client) }
        while let index = servers.firstIndex(where: { $0.hasNews }) {
            servers[index].hasNews = false
            serve(index, server, cut, client)
            settle(client)
        }
        close(client)
        for server in servers { close(server.descriptor) }
        servers.removeAll()
        while worker.currentCounters.open > 0 { loop.turn(longestWait: 0) }
        // Connections that the gate keeps to the server are told that it is gone.
        for _ in 0..<3 { loop.turn(longestWait: 0) }
        return result
    }

    private func serve(_ index: Int, _ server: Server, _ cut: (Int, Int) -> Int, _ client: Int32) {
        let descriptor = servers[index].descriptor
        switch server {
        case .good: send(Self.answer, to: descriptor, { _, count in count }) {}
        case .bytes(let bytes, let ends):
            if servers[index].isAnswered { return }
            servers[index].isAnswered = true
            send(bytes, to: descriptor, cut) { settle(client) }
            if ends { shutdown(descriptor, Int32(SHUT_WR)) }
        }
    }

    private func send(_ bytes: [UInt8], to descriptor: Int32, _ cut: (Int, Int) -> Int, _ between: () -> Void) {
        var start = 0
        while start < bytes.count {
            let end = cut(start, bytes.count)
            let sent = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.send(
                    descriptor, $0.baseAddress.map { unsafe $0 + start }, end - start, Int32(MSG_NOSIGNAL))
            }
            // The gate has closed, or reads no more: the rest does not matter to it.
            if sent <= 0 { return }
            start += sent
            between()
        }
    }

    /// Turns until nothing moves any more.
    private func settle(_ client: Int32) {
        var quiet = 0
        var noted = result.toServer.count
        while quiet < 2 {
            loop.turn(longestWait: 0)
            quiet += 1
            let fresh = accept(listener.raw, nil, nil)
            if fresh >= 0 {
                _ = fcntl(fresh, F_SETFL, O_NONBLOCK)
                servers.append((fresh, false, false))
                result.toServers.append([])
                quiet = 0
            }
            for index in servers.indices where receive(servers[index].descriptor, into: &result.toServer) > 0 {
                result.toServers[index] += result.toServer[noted...]
                noted = result.toServer.count
                servers[index].hasNews = true
                quiet = 0
            }
            if receive(client, into: &result.toClient) > 0 { quiet = 0 }
        }
    }

    /// How many bytes came; not positive for none.
    private func receive(_ descriptor: Int32, into bytes: inout [UInt8]) -> Int {
        let count = unsafe room.withUnsafeMutableBytes {
            unsafe recv(descriptor, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT))
        }
        if count > 0 { bytes += room[0..<count] }
        return count
    }
}
