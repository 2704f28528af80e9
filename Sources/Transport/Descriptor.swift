// SPDX-License-Identifier: Apache-2.0

/// Owner of one file descriptor; closes it when it goes. Passed along by consuming it, so nothing is closed twice.
@safe
package struct Descriptor: ~Copyable, Sendable {
    package let raw: Int32

    /// Takes ownership of an open descriptor.
    package init(owning raw: Int32) {
        precondition(raw >= 0)
        self.raw = raw
    }

    deinit { SystemCall.close(raw) }

    /// Gives the descriptor away without closing it.
    package consuming func release() -> Int32 {
        let raw = raw
        discard self
        return raw
    }
}
