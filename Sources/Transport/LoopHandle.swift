// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// What other threads hold of a loop: a letter box, a bell and a pulse. Shared; the loop owns the other end.
public final class LoopHandle: Sendable {
    /// Work for the loop; runs on the loop's queue in the order of posting.
    public typealias Letter = @Sendable (Loop) -> Void

    public let name: String
    private let letters = Guarded<[Letter]>([])
    private let bell: Descriptor
    private let pulse = Atomic<UInt64>(0)
    private let turnCount = Atomic<UInt64>(0)
    private let stopped = Atomic<Bool>(false)

    init(name: String) throws(Fault) {
        let result = SystemCall.eventCounter()
        if result < 0 { throw Fault(.internal, "eventfd", errno: Int32(-result)) }
        bell = Descriptor(owning: Int32(result))
        self.name = name
        pulse.store(MonotonicTime.now().nanoseconds, ordering: .relaxed)
    }

    var bellDescriptor: Int32 { bell.raw }

    /// Puts a letter into the box and wakes the loop. Any thread. A letter to a loop that has stopped is never opened.
    public func post(_ letter: @escaping Letter) {
        let wasEmpty = letters.withLock { box in
            let wasEmpty = box.isEmpty
            box.append(letter)
            return wasEmpty
        }
        // Whoever finds the box empty rings; the loop empties it whole.
        if wasEmpty { SystemCall.raise(bell.raw) }
    }

    /// Asks the loop to return from `run` after the current turn. Any thread.
    public func stop() { post { $0.stop() } }

    /// When the loop began its last turn. A loop that waits beats once a second at least: an older value means that it is stuck.
    public var lastTurn: MonotonicTime { MonotonicTime(nanoseconds: pulse.load(ordering: .relaxed)) }

    /// Turns since the start.
    public var turns: UInt64 { turnCount.load(ordering: .relaxed) }

    /// The loop has returned from `run`.
    public var isStopped: Bool { stopped.load(ordering: .acquiring) }

    func beat(_ now: MonotonicTime) {
        pulse.store(now.nanoseconds, ordering: .relaxed)
        turnCount.store(turnCount.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    }

    func markStopped() { stopped.store(true, ordering: .releasing) }

    /// Swaps the box for an empty array that keeps its memory.
    func takeLetters(_ empty: inout [Letter]) { letters.withLock { swap(&$0, &empty) } }
}
