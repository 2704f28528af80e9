// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Making sockets the way this program wants them: non-blocking, not inherited, without delay, watched by keepalive. Stateless.
public enum Socket {
    /// Starts a connection. The first writable event after registration says that it is decided: ask `connectFault`.
    public static func connect(
        to address: SocketAddress, from source: Fault.Source = .upstream
    ) throws(Fault) -> Descriptor {
        guard let raw = RawAddress(address) else { throw Fault(source, "connect", errno: ENAMETOOLONG) }
        let descriptor = try open(raw.family, source)
        tune(descriptor.raw, address)
        let result = SystemCall.connect(descriptor.raw, raw)
        // EAGAIN: a Unix listener's backlog is full, which no event will tell us about.
        if result < 0 && result != -Int(EINPROGRESS) { throw Fault(source, "connect", errno: Int32(-result)) }
        return descriptor
    }

    /// Whether the connection that was in progress failed; nil when it stands.
    public static func connectFault(_ descriptor: borrowing Descriptor, source: Fault.Source = .upstream) -> Fault? {
        let result = SystemCall.option(descriptor.raw, SOL_SOCKET, SO_ERROR)
        if result == 0 { return nil }
        return Fault(source, "connect", errno: Int32(result.magnitude))
    }

    static func open(_ family: Int32, _ source: Fault.Source) throws(Fault) -> Descriptor {
        let result = SystemCall.socket(family, Int32(SOCK_STREAM.rawValue))
        if result < 0 { throw Fault(source, "socket", errno: Int32(-result)) }
        return Descriptor(owning: Int32(result))
    }

    /// No Nagle: whole messages are written at once. Keepalive: a peer that lost its power is noticed in about two minutes.
    static func tune(_ descriptor: Int32, _ address: SocketAddress) {
        guard case .ip = address else { return }
        _ = SystemCall.setOption(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        _ = SystemCall.setOption(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1)
        _ = SystemCall.setOption(descriptor, Int32(IPPROTO_TCP), TCP_KEEPIDLE, 60)
        _ = SystemCall.setOption(descriptor, Int32(IPPROTO_TCP), TCP_KEEPINTVL, 15)
        _ = SystemCall.setOption(descriptor, Int32(IPPROTO_TCP), TCP_KEEPCNT, 4)
    }
}
