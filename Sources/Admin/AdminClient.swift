// SPDX-License-Identifier: Apache-2.0
import Glibc
package import Transport
import Wire

/// Asks a running daemon over its admin socket, blocking: for commands at a terminal.
package enum AdminClient {
    private static let answerLimit = 16 << 20

    /// Status and body, or the fault in between.
    package static func ask(
        _ method: String, _ path: String, at address: SocketAddress
    ) -> Result<(status: Int, body: [UInt8]), Fault> {
        do throws(Fault) {
            let descriptor = try Socket.connect(to: address, from: .internal)
            let flags = fcntl(descriptor.raw, F_GETFL)
            _ = fcntl(descriptor.raw, F_SETFL, flags & ~O_NONBLOCK)
            let request = Array("\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
            let sent = unsafe send(descriptor.raw, request, request.count, Int32(MSG_NOSIGNAL))
            if sent != request.count { throw Fault(.internal, "send", errno: errno) }
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
