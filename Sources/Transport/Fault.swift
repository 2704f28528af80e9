// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The world failed: whose side it was, what we were doing, and what the kernel (or OpenSSL) said. A value that crosses threads.
public struct Fault: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Source: UInt8, Sendable { case downstream, upstream, `internal` }

    public var source: Source
    public var operation: StaticString
    /// 0 when the cause is not a system call.
    public var errno: Int32
    public var detail: String?

    public init(_ source: Source, _ operation: StaticString, errno: Int32 = 0, detail: String? = nil) {
        self.source = source
        self.operation = operation
        self.errno = errno
        self.detail = detail
    }

    public static func == (left: Fault, right: Fault) -> Bool {
        left.source == right.source && left.operation.description == right.operation.description
            && left.errno == right.errno && left.detail == right.detail
    }

    /// The peer went away, which happens all day and is nobody's mistake.
    public var isDisconnect: Bool { errno == ECONNRESET || errno == EPIPE || errno == ENOTCONN }

    /// This process or machine has no descriptor, memory or port left, which says nothing about the peer.
    public var isOurLack: Bool {
        switch errno {
        case EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL: true
        default: false
        }
    }

    /// "operation: reason (detail)", for the log.
    public var description: String {
        var text = operation.description
        if errno != 0 { text += ": " + Fault.text(of: errno) }
        if let detail { text += errno != 0 ? " (\(detail))" : ": \(detail)" }
        return text
    }

    private static func text(of errno: Int32) -> String {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
            guard let base = buffer.baseAddress, unsafe strerror_r(errno, base, buffer.count) == 0 else {
                return "errno \(errno)"
            }
            return unsafe String(cString: base)
        }
    }
}
