// SPDX-License-Identifier: Apache-2.0
import Glibc
import Wire

/// An open listening socket, shared by all loops (each has a `Listener` on it) and handed from one policy to the next at a reload.
public final class ListeningSocket: Sendable {
    /// Where it really listens: the port is known also when 0 was asked for.
    public let address: SocketAddress
    let descriptor: Descriptor
    /// Removed when the socket goes; nil when it is not ours to remove.
    private let path: String?

    /// Binds and listens. A Unix path that nobody listens on any more is replaced; one that is alive is refused (EADDRINUSE).
    public init(_ address: SocketAddress, backlog: Int32 = 4096) throws(Fault) {
        guard let raw = RawAddress(address) else { throw Fault(.internal, "bind", errno: ENAMETOOLONG) }
        let descriptor = try Socket.open(raw.family, .internal)
        switch address {
        case .ip(let ip, _):
            _ = SystemCall.setOption(descriptor.raw, SOL_SOCKET, SO_REUSEADDR, 1)
            // [::]:80 and 0.0.0.0:80 are two listeners, whatever the system's default is.
            if !ip.isIPv4 { _ = SystemCall.setOption(descriptor.raw, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
            path = nil
        case .unix(let name):
            try ListeningSocket.removeStale(name, raw)
            path = name
        }
        var result = SystemCall.bind(descriptor.raw, raw)
        if result < 0 { throw Fault(.internal, "bind", errno: Int32(-result), detail: address.description) }
        result = SystemCall.listen(descriptor.raw, backlog)
        if result < 0 { throw Fault(.internal, "listen", errno: Int32(-result), detail: address.description) }
        self.address = try ListeningSocket.localAddress(descriptor.raw)
        self.descriptor = descriptor
    }

    /// Takes a listening socket that the service manager opened.
    /// Or one of an earlier life of this program: `path` is then removed when it goes.
    public init(inherited: consuming Descriptor, path: String? = nil) throws(Fault) {
        let result = SystemCall.adopt(inherited.raw)
        if result < 0 { throw Fault(.internal, "fcntl", errno: Int32(-result)) }
        if SystemCall.option(inherited.raw, SOL_SOCKET, SO_ACCEPTCONN) != 1 {
            throw Fault(.internal, "inherit", errno: EINVAL, detail: "not a listening socket")
        }
        address = try ListeningSocket.localAddress(inherited.raw)
        self.path = path
        descriptor = inherited
    }

    deinit {
        if let path { unsafe unlink(path) }
    }

    /// The first step of closing. Whoever connected between the last accept and the close would be reset after it was told that it is
    /// connected; one whose SYN is dropped asks again after a second and is refused. Never for a socket that another process will use.
    package func refuseNewcomers() {
        if let path {
            unsafe unlink(path)
        } else if case .ip = address {
            // A kernel without filters leaves the gap that it was.
            _ = SystemCall.dropNewcomers(descriptor.raw)
        }
    }

    /// The number of the descriptor, for handing it to a successor.
    public var raw: Int32 { descriptor.raw }

    private static func localAddress(_ descriptor: Int32) throws(Fault) -> SocketAddress {
        var raw = RawAddress()
        let result = SystemCall.localAddress(descriptor, &raw)
        if result < 0 { throw Fault(.internal, "getsockname", errno: Int32(-result)) }
        guard let value = raw.value else { throw Fault(.internal, "getsockname", errno: EAFNOSUPPORT) }
        return value
    }

    private static func removeStale(_ path: String, _ raw: RawAddress) throws(Fault) {
        var status = stat()
        if unsafe lstat(path, &status) != 0 { return }
        if status.st_mode & S_IFMT != S_IFSOCK {
            throw Fault(.internal, "bind", errno: EADDRINUSE, detail: "\(path) exists and is not a socket")
        }
        let probe = try Socket.open(AF_UNIX, .internal)
        // Only a refusal proves that nobody listens: a full backlog (EAGAIN) is somebody.
        if SystemCall.connect(probe.raw, raw) == -Int(ECONNREFUSED) { unsafe unlink(path) }
    }
}
