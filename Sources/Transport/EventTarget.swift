// SPDX-License-Identifier: Apache-2.0

/// Something that a loop tells about events: a connection, a listener, a pure timer. Confined to its loop, which keeps it alive while
/// it is registered or has a deadline. Dispatch is one class vtable call. `open` only because other targets of the package subclass it.
open class EventTarget {
    /// The wanted deadline. May be later than the place in the wheel: the wheel looks again when it comes there.
    final var deadline = MonotonicTime.never
    /// Entry in the loop's timer wheel, -1 for none.
    final var timerEntry: Int32 = -1
    /// Descriptors registered with the loop.
    final var registrations: Int32 = 0
    final var isDeferred = false

    public init() {}

    /// Events of a registered descriptor. Called on the loop's queue.
    open func ready(_ readiness: Readiness, on loop: Loop) {}

    /// The deadline of `setDeadline` passed; it has been cleared.
    open func deadlinePassed(on loop: Loop) {}

    /// The turn in which `deferUntilEndOfTurn` was called is over.
    open func turnEnded(on loop: Loop) {}
}
