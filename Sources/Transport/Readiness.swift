// SPDX-License-Identifier: Apache-2.0

/// What epoll said about a descriptor, with the kernel's own bits, so that an event costs no translation.
public struct Readiness: OptionSet, Sendable {
    /// The kernel's bits.
    public let rawValue: UInt32

    /// Takes bits as epoll gives them.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// EPOLLIN.
    package static let readable = Readiness(rawValue: 0x001)
    /// EPOLLOUT.
    package static let writable = Readiness(rawValue: 0x004)
    /// EPOLLERR.
    package static let error = Readiness(rawValue: 0x008)
    /// EPOLLHUP: both directions are over.
    package static let closed = Readiness(rawValue: 0x010)
    /// EPOLLRDHUP: the peer sends no more; what it sent can still be read.
    package static let hangup = Readiness(rawValue: 0x2000)
    /// EPOLLEXCLUSIVE: of the loops that wait for one socket, wake one.
    package static let exclusive = Readiness(rawValue: 1 << 28)
    /// EPOLLET.
    package static let edgeTriggered = Readiness(rawValue: 1 << 31)

    /// How every connection is registered, once for its life.
    package static let connection: Readiness = [.readable, .writable, .hangup, .edgeTriggered]
}
