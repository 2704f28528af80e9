// SPDX-License-Identifier: Apache-2.0

/// Owner of one file descriptor; closes it when it goes. Passed along by consuming it, so nothing is closed twice.
@safe
public struct Descriptor: ~Copyable, Sendable {
    public let raw: Int32

    /// Takes ownership of an open descriptor.
    public init(owning raw: Int32) {
        precondition(raw >= 0)
        self.raw = raw
    }

    private init(absent raw: Int32) { self.raw = raw }

    /// No descriptor at all, for a stream that moves no bytes of its own.
    public static func none() -> Descriptor { Descriptor(absent: -1) }

    deinit { if raw >= 0 { SystemCall.close(raw) } }

    /// Gives the descriptor away without closing it.
    public consuming func release() -> Int32 {
        let raw = raw
        discard self
        return raw
    }
}
