// SPDX-License-Identifier: Apache-2.0

/// What epoll said about a descriptor, with the kernel's own bits, so that an event costs no translation.
public struct Readiness: OptionSet, Sendable {
    /// The kernel's bits.
    public let rawValue: UInt32

    /// Takes bits as epoll gives them.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// EPOLLIN.
    public static let readable = Readiness(rawValue: 0x001)
    /// EPOLLOUT.
    public static let writable = Readiness(rawValue: 0x004)
    /// EPOLLERR.
    public static let error = Readiness(rawValue: 0x008)
    /// EPOLLHUP: both directions are over.
    public static let closed = Readiness(rawValue: 0x010)
    /// EPOLLRDHUP: the peer sends no more; what it sent can still be read.
    public static let hangup = Readiness(rawValue: 0x2000)
    /// EPOLLEXCLUSIVE: of the loops that wait for one socket, wake one.
    public static let exclusive = Readiness(rawValue: 1 << 28)
    /// EPOLLET.
    public static let edgeTriggered = Readiness(rawValue: 1 << 31)

    /// How every connection is registered, once for its life.
    public static let connection: Readiness = [.readable, .writable, .hangup, .edgeTriggered]
}
