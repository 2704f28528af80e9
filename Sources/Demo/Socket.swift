// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The few socket calls of the demo, all without blocking; results are errno values. Owned by nobody, pure functions on descriptors.
enum Socket {
    struct Failure: Error {
        let operation: String
        let code: Int32
        var reason: String { unsafe String(cString: strerror(code)) }
    }

    /// A listening IPv4 socket, and the port it got.
    static func listen(host: String, port: UInt16) throws(Failure) -> (descriptor: Int32, port: UInt16) {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        guard unsafe inet_pton(AF_INET, host, &address.sin_addr) == 1 else {
            throw Failure(operation: "read the address \(host)", code: EINVAL)
        }
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_INET, type, 0)
        guard descriptor >= 0 else { throw Failure(operation: "open a socket", code: errno) }
        var on: Int32 = 1
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        let bound = unsafe withUnsafeMutablePointer(to: &address) { place in
            unsafe place.withMemoryRebound(to: sockaddr.self, capacity: 1) { place in
                unsafe bind(descriptor, place, length) == 0 && Glibc.listen(descriptor, 1024) == 0
                    && getsockname(descriptor, place, &length) == 0
            }
        }
        guard bound else {
            let code = errno
            close(descriptor)
            throw Failure(operation: "listen on \(host):\(port)", code: code)
        }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }

    /// The next waiting connection; nil when none can be had now.
    static func accept(_ listener: Int32) -> Int32? {
        let descriptor = Glibc.accept(listener, nil, nil)
        guard descriptor >= 0 else { return nil }
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        var on: Int32 = 1
        _ = unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        return descriptor
    }

    /// Appends what is there, at most 64 KiB. False: the connection has ended.
    static func receive(_ descriptor: Int32, into bytes: inout [UInt8]) -> Bool {
        var got = 0
        var code: Int32 = 0
        let chunk = unsafe [UInt8](unsafeUninitializedCapacity: 65_536) { memory, count in
            got = unsafe recv(descriptor, memory.baseAddress, memory.count, 0)
            code = errno
            count = max(got, 0)
        }
        bytes += chunk
        return got > 0 || (got < 0 && (code == EAGAIN || code == EINTR))
    }

    /// Sends what the kernel takes and removes it. False: the connection has ended.
    static func send(_ descriptor: Int32, from bytes: inout [UInt8]) -> Bool {
        let sent = unsafe bytes.withUnsafeBytes {
            unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        if sent < 0 { return errno == EAGAIN || errno == EINTR }
        bytes.removeFirst(sent)
        return true
    }
}
