// SPDX-License-Identifier: Apache-2.0
import Dispatch

/// One epoll loop. Confined to the serial Dispatch queue that runs it, which it blocks for its life; others hold its `LoopHandle`.
///
/// A descriptor is registered once, edge-triggered for both directions: no epoll_ctl per request. The 64 bits that epoll gives back hold
/// the descriptor and the generation of its slot, so an event for a descriptor that was closed and reused is recognised and dropped.
public final class Loop {
    private struct Slot {
        var target: EventTarget?
        var generation: UInt32 = 0
    }

    private static let bellToken = UInt64.max
    /// A loop without work wakes this often, so that its pulse tells a waiting loop from a stuck one.
    private static let longestWait: Int32 = 1000

    public let handle: LoopHandle
    /// Read once per wake-up.
    public private(set) var now: MonotonicTime
    /// Wall clock, nanoseconds since 1970, read once per second and carried on with `now`.
    public var unixNanoseconds: Int64 { Int64(truncatingIfNeeded: now.nanoseconds) &+ wallOffset }
    /// Whatever belongs to this loop; the proxy hangs its worker here.
    public var context: EventTarget?

    private let epoll: Descriptor
    private var events = PolledEvents()
    private var slots: [Slot] = []
    private var wheel: TimerWheel
    private var wallOffset: Int64
    private var nextSecond: UInt64
    private var hooks: [(Loop) -> Void] = []
    private var letters: [LoopHandle.Letter] = []
    private var deferred: [EventTarget] = []
    private var ending: [EventTarget] = []
    private var hasLetters = false
    private var isStopping = false

    public convenience init(name: String) throws(Fault) {
        let handle = try LoopHandle(name: name)
        try self.init(handle: handle, epoll: Loop.makeEpoll())
    }

    private init(handle: LoopHandle, epoll: consuming Descriptor) throws(Fault) {
        let now = MonotonicTime.now()
        self.handle = handle
        self.epoll = epoll
        self.now = now
        wheel = TimerWheel(now: now)
        wallOffset = MonotonicTime.unixNanoseconds() &- Int64(truncatingIfNeeded: now.nanoseconds)
        nextSecond = now.nanoseconds + 1_000_000_000
        // Edge-triggered, so that the counter never needs to be read: every ring is an edge.
        let result = SystemCall.epollAdd(
            self.epoll.raw, handle.bellDescriptor, [.readable, .edgeTriggered], token: Loop.bellToken)
        if result < 0 { throw Fault(.internal, "epoll_ctl", errno: Int32(-result)) }
    }

    private static func makeEpoll() throws(Fault) -> Descriptor {
        let result = SystemCall.epollCreate()
        if result < 0 { throw Fault(.internal, "epoll_create1", errno: Int32(-result)) }
        return Descriptor(owning: Int32(result))
    }

    /// Starts a loop on a serial queue of its own. `prepare` is the first thing that runs there, `whenStopped` the last.
    ///
    /// A serial queue without target gets a thread outside the limited pool of the global queues, so loops do not starve other
    /// Dispatch work (LoopTests proves it with more loops than processors).
    public static func start(
        name: String, prepare: @escaping @Sendable (Loop) -> Void = { _ in },
        whenStopped: @escaping @Sendable () -> Void = {}
    ) throws(Fault) -> LoopHandle {
        let handle = try LoopHandle(name: name)
        let epoll = try makeEpoll().release()
        let queue = DispatchQueue(label: "loginward.loop.\(name)")
        queue.async {
            SystemCall.nameThread(name)
            do throws(Fault) {
                let loop = try Loop(handle: handle, epoll: Descriptor(owning: epoll))
                prepare(loop)
                loop.run()
            } catch {
                preconditionFailure("a loop could not watch its own bell: \(error)")
            }
            handle.markStopped()
            whenStopped()
        }
        return handle
    }

    // MARK: descriptors

    /// Registers a descriptor, which must not be registered with this loop already, and keeps `target` alive until `remove`.
    public func add(
        fd: Int32, _ target: EventTarget, _ interest: Readiness = .connection
    ) throws(Fault) {
        let index = Int(fd)
        while slots.count <= index { slots.append(Slot()) }
        precondition(slots[index].target == nil, "a descriptor was registered twice")
        let generation = slots[index].generation &+ 1
        let token = UInt64(generation) << 32 | UInt64(UInt32(bitPattern: fd))
        let result = SystemCall.epollAdd(epoll.raw, fd, interest, token: token)
        if result < 0 { throw Fault(.internal, "epoll_ctl", errno: Int32(-result)) }
        slots[index] = Slot(target: target, generation: generation)
        target.registrations += 1
    }

    /// Forgets a descriptor, before it is closed. Events of it that are already in hand are dropped. Does nothing twice.
    public func remove(fd: Int32, closing: Bool = true) {
        let index = Int(fd)
        guard index < slots.count, let target = slots[index].target else { return }
        // close(2) takes a descriptor out of epoll when nobody else holds its open file: one system call saved.
        if !closing { _ = SystemCall.epollRemove(epoll.raw, fd) }
        slots[index].target = nil
        slots[index].generation &+= 1
        target.registrations -= 1
        if target.registrations == 0 { wheel.forgetIfIdle(target) }
    }

    /// Gives a registered descriptor to another target, without a system call: an idle connection that a new exchange takes over.
    /// Events that this wake-up still holds for it reach the new target.
    public func hand(fd: Int32, to target: EventTarget) {
        let index = Int(fd)
        guard index < slots.count, let previous = slots[index].target else {
            preconditionFailure("a descriptor was handed on that is not registered")
        }
        slots[index].target = target
        target.registrations += 1
        previous.registrations -= 1
        if previous.registrations == 0 { wheel.forgetIfIdle(previous) }
    }

    // MARK: time

    /// One deadline per target; `never` clears it. A later deadline than the present one costs one store. Fires up to 17 ms late.
    public func setDeadline(_ target: EventTarget, _ time: MonotonicTime) { wheel.set(target, time) }

    /// Calls `hook` about once a second, also when nothing else happens.
    public func everySecond(_ hook: @escaping (Loop) -> Void) { hooks.append(hook) }

    /// Calls `target.turnEnded` once, when the events of this wake-up are done. Deferring again in there means the next turn, which then
    /// does not wait: so a busy connection reads on without starving the others.
    public func deferUntilEndOfTurn(_ target: EventTarget) {
        if target.isDeferred { return }
        target.isDeferred = true
        deferred.append(target)
    }

    // MARK: turns

    /// Turns until `stop`. Then everything that was registered is let go.
    public func run() {
        while !isStopping { turn(longestWait: Loop.longestWait) }
        slots.removeAll()
        wheel.removeAll()
        deferred.removeAll()
        hooks.removeAll()
        context = nil
    }

    /// `run` returns after this turn.
    public func stop() { isStopping = true }

    /// Waits at most `longestWait` milliseconds for events and deals with them.
    package func turn(longestWait: Int32) {
        let wait = deferred.isEmpty ? wheel.milliseconds(from: now, limit: longestWait) : 0
        let count = SystemCall.epollWait(epoll.raw, &events, milliseconds: wait)
        precondition(count >= 0, "epoll_wait refused its own descriptor")
        now = .now()
        handle.beat(now)
        var index = 0
        while index < count {
            dispatch(events.token(index), events.readiness(index))
            index += 1
        }
        if hasLetters { openLetters() }
        while let target = wheel.popExpired(now: now) { target.deadlinePassed(on: self) }
        if !deferred.isEmpty { endTurn() }
        if now.nanoseconds >= nextSecond { secondPassed() }
    }

    @inline(__always)
    private func dispatch(_ token: UInt64, _ readiness: Readiness) {
        if token == Loop.bellToken {
            hasLetters = true
            return
        }
        let index = Int(token & 0xffff_ffff)
        // The local reference keeps the target alive while it runs, also when it removes itself.
        guard index < slots.count, slots[index].generation == UInt32(token >> 32),
            let target = slots[index].target
        else { return }
        target.ready(readiness, on: self)
    }

    private func openLetters() {
        hasLetters = false
        handle.takeLetters(&letters)
        for letter in letters { letter(self) }
        letters.removeAll(keepingCapacity: true)
    }

    private func endTurn() {
        swap(&deferred, &ending)
        var index = 0
        while index < ending.count {
            let target = ending[index]
            target.isDeferred = false
            target.turnEnded(on: self)
            index += 1
        }
        ending.removeAll(keepingCapacity: true)
    }

    private func secondPassed() {
        wallOffset = MonotonicTime.unixNanoseconds() &- Int64(truncatingIfNeeded: now.nanoseconds)
        nextSecond = now.nanoseconds + 1_000_000_000
        for hook in hooks { hook(self) }
    }
}
