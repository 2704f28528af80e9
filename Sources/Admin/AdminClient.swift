// SPDX-License-Identifier: Apache-2.0
import Glibc
package import Transport
import Wire

/// Asks a running daemon over its admin socket, blocking: for commands at a terminal.
package enum AdminClient {
    /// A list of a million entries is asked for whole.
    private static let answerLimit = 512 << 20

    /// Status and body, or the fault in between.
    package static func ask(
        _ method: String, _ path: String, body: [UInt8] = [], contentType: String = "", at address: SocketAddress
    ) -> Result<(status: Int, body: [UInt8]), Fault> {
        do throws(Fault) {
            let descriptor = try Socket.connect(to: address, from: .internal)
            let flags = fcntl(descriptor.raw, F_GETFL)
            _ = fcntl(descriptor.raw, F_SETFL, flags & ~O_NONBLOCK)
            var head = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            if !contentType.isEmpty { head += "Content-Type: \(contentType)\r\nContent-Length: \(body.count)\r\n" }
            var rest = Array("\(head)\r\n".utf8) + body
            while !rest.isEmpty {
                let sent = unsafe send(descriptor.raw, rest, rest.count, Int32(MSG_NOSIGNAL))
                if sent < 0 && errno == EINTR { continue }
                if sent <= 0 { throw Fault(.internal, "send", errno: errno) }
                rest.removeFirst(sent)
            }
            return .success(try receive(descriptor.raw))
        } catch {
            return .failure(error)
        }
    }

    private static func receive(_ descriptor: Int32) throws(Fault) -> (status: Int, body: [UInt8]) {
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 16 * 1024)
        while bytes.count < answerLimit {
            let count = unsafe recv(descriptor, &block, block.count, 0)
            if count < 0 && errno == EINTR { continue }
            if count < 0 { throw Fault(.internal, "recv", errno: errno) }
            if count == 0 { break }
            bytes += block[..<count]
        }
        var head = ResponseHead()
        var progress = HeadProgress()
        do throws(HeadError) {
            if try HeadParser.parseResponse(bytes.span, limits: HeadLimits(), progress: &progress, into: &head) {
                return (head.status, Array(bytes[head.length...]))
            }
        } catch {
            throw Fault(.internal, "admin answer", errno: EPROTO, detail: "\(error.reason)")
        }
        throw Fault(.internal, "admin answer", errno: EPROTO, detail: "it ended early")
    }
}
