// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Glibc
import Transport

/// An HTTP receiver on a loopback port: answers requests with the given answers in order, the last one for ever.
final class Receiver: Sendable {
    struct Request: Sendable {
        var head: String
        var body: [UInt8]
    }

    private struct State: Sendable {
        var requests: [Request] = []
        var answers: [String]
    }

    let port: UInt16
    private let socket: Int32
    private let state: Guarded<State>

    init(answers: [String] = ["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"], port wanted: UInt16 = 0) {
        state = Guarded(State(answers: answers))
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var one: Int32 = 1
        unsafe setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = wanted.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = socket
        unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = unsafe bind(descriptor, $0, length)
                _ = unsafe getsockname(descriptor, $0, &length)
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        listen(socket, 16)
        Thread.detach {
            while true {
                let connection = accept(descriptor, nil, nil)
                if connection < 0 { return }
                Thread.detach { self.serve(connection) }
            }
        }
    }

    func close() {
        shutdown(socket, Int32(SHUT_RDWR))
        _ = Glibc.close(socket)
    }

    var requests: [Request] { state.withLock { $0.requests } }

    private func serve(_ connection: Int32) {
        defer { _ = Glibc.close(connection) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            while let (request, length) = Self.parse(bytes) {
                bytes.removeFirst(length)
                let answer = state.withLock { state in
                    state.requests.append(request)
                    return state.answers.count > 1 ? state.answers.removeFirst() : state.answers[0]
                }
                let data = Array(answer.utf8)
                _ = unsafe data.withUnsafeBytes {
                    unsafe send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
            }
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe recv(connection, $0.baseAddress, $0.count, 0) }
            if count <= 0 { return }
            bytes.append(contentsOf: chunk[..<count])
        }
    }

    private static func parse(_ bytes: [UInt8]) -> (Request, Int)? {
        var index = 0
        while index + 4 <= bytes.count && !bytes[index..<(index + 4)].elementsEqual([13, 10, 13, 10]) { index += 1 }
        if index + 4 > bytes.count { return nil }
        let head = String(decoding: bytes[..<index], as: UTF8.self)
        var length = 0
        for line in head.split(separator: "\r\n") where line.lowercased().hasPrefix("content-length:") {
            length = Int(line.split(separator: " ").last ?? "") ?? 0
        }
        if bytes.count < index + 4 + length { return nil }
        return (Request(head: head, body: Array(bytes[(index + 4)..<(index + 4 + length)])), index + 4 + length)
    }
}

/// Runs blocking work beside the tests.
enum Thread {
    static func detach(_ body: @escaping @Sendable () -> Void) {
        DispatchQueue(label: "receiver").async(execute: body)
    }
}

/// Asks again until it is true; false after ten seconds.
func eventually(_ condition: () -> Bool) -> Bool {
    let end = ContinuousClock.now + .seconds(10)
    while ContinuousClock.now < end {
        if condition() { return true }
        usleep(5_000)
    }
    return condition()
}
