// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Glibc
import Synchronization
import Testing

@testable import Transport

/// Waits until `condition` holds; false after ten seconds.
func eventually(_ condition: () -> Bool) -> Bool {
    let deadline = MonotonicTime.now() + .seconds(10)
    while !condition() {
        if MonotonicTime.now() > deadline { return false }
        usleep(1000)
    }
    return true
}

/// Two connected, non-blocking descriptors.
func socketPair() -> (Int32, Int32) {
    var pair: [Int32] = [0, 0]
    let result = unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0, &pair)
    precondition(result == 0)
    return (pair[0], pair[1])
}

/// Counts what the loop tells it.
private final class Probe: EventTarget {
    var events: [Readiness] = []
    var deadlines = 0
    var ends = 0
    var action: ((Probe, Loop) -> Void)?

    override func ready(_ readiness: Readiness, on loop: Loop) {
        events.append(readiness)
        action?(self, loop)
    }
    override func deadlinePassed(on loop: Loop) { deadlines += 1 }
    override func turnEnded(on loop: Loop) {
        ends += 1
        if ends < 3 { loop.deferUntilEndOfTurn(self) }
    }
}

@Suite struct LoopTests {
    @Test func `tells a registered target about bytes once per arrival`() throws {
        let loop = try Loop(name: "test")
        let (left, right) = socketPair()
        let here = Descriptor(owning: left)
        let there = Descriptor(owning: right)
        let probe = Probe()
        try loop.add(fd: here.raw, probe)
        loop.turn(longestWait: 100)
        #expect(probe.events == [.writable])
        loop.turn(longestWait: 0)
        #expect(probe.events.count == 1)
        let written = unsafe write(there.raw, "x", 1)
        #expect(written == 1)
        loop.turn(longestWait: 1000)
        #expect(probe.events.count == 2 && probe.events[1].contains(.readable))
        loop.turn(longestWait: 0)
        #expect(probe.events.count == 2)
        loop.remove(fd: here.raw)
    }

    @Test func `drops an event of a descriptor that another target took over in the same turn`() throws {
        let loop = try Loop(name: "test")
        let (a, b) = socketPair()
        let (c, d) = socketPair()
        let first = Probe()
        let second = Probe()
        let successor = Probe()
        try loop.add(fd: a, first)
        try loop.add(fd: c, second)
        // Whoever comes first takes the other's descriptor away and gives its number to a new target.
        let swap: (Int32, Int32) -> (Probe, Loop) -> Void = { other, peer in
            { _, loop in
                loop.remove(fd: other)
                close(other)
                close(peer)
                let (e, f) = socketPair()
                if e == other { try? loop.add(fd: e, successor, [.readable, .edgeTriggered]) }
                _ = f
            }
        }
        first.action = swap(c, d)
        second.action = swap(a, b)
        loop.turn(longestWait: 1000)
        #expect(first.events.count + second.events.count == 1)
        #expect(successor.events.isEmpty)
        loop.remove(fd: a)
        loop.remove(fd: c)
    }

    @Test func `keeps a target alive that removes itself while it runs`() throws {
        let loop = try Loop(name: "test")
        let (a, b) = socketPair()
        var probe: Probe? = Probe()
        weak let gone = probe
        var sawItself = false
        probe?.action = { probe, loop in
            loop.remove(fd: a)
            sawItself = probe.events.count == 1
        }
        if let probe { try loop.add(fd: a, probe) }
        probe = nil
        loop.turn(longestWait: 1000)
        #expect(sawItself)
        #expect(gone == nil)
        close(a)
        close(b)
    }

    @Test func `a descriptor that is handed on speaks to its new target`() throws {
        let loop = try Loop(name: "test")
        let (a, b) = socketPair()
        let first = Probe()
        let second = Probe()
        try loop.add(fd: a, first)
        loop.turn(longestWait: 1000)
        loop.hand(fd: a, to: second)
        let written = unsafe write(b, "x", 1)
        #expect(written == 1)
        loop.turn(longestWait: 1000)
        #expect(first.events.count == 1)
        #expect(second.events.count == 1 && second.events[0].contains(.readable))
        loop.remove(fd: a)
        close(a)
        close(b)
    }

    @Test func `opens letters in order and wakes for them`() throws {
        let order = Guarded<[Int]>([])
        let handle = try Loop.start(name: "letters")
        for number in 0..<1000 { handle.post { _ in order.withLock { $0.append(number) } } }
        #expect(eventually { order.withLock { $0.count } == 1000 })
        #expect(order.withLock { $0 } == Array(0..<1000))
        handle.stop()
        #expect(eventually { handle.isStopped })
    }

    @Test func `beats while it has nothing to do`() throws {
        let handle = try Loop.start(name: "idle")
        let turns = handle.turns
        #expect(eventually { handle.turns >= turns + 2 })
        #expect(MonotonicTime.now() - handle.lastTurn < .seconds(5))
        handle.stop()
        #expect(eventually { handle.isStopped })
    }

    @Test func `fires a deadline without any descriptor`() throws {
        let loop = try Loop(name: "test")
        let probe = Probe()
        let begin = MonotonicTime.now()
        loop.setDeadline(probe, loop.now + .milliseconds(50))
        while probe.deadlines == 0 { loop.turn(longestWait: 1000) }
        #expect(MonotonicTime.now() - begin >= .milliseconds(50))
        #expect(probe.deadlines == 1)
    }

    @Test func `deferring at the end of a turn means the next turn, without waiting`() throws {
        let loop = try Loop(name: "test")
        let probe = Probe()
        loop.deferUntilEndOfTurn(probe)
        loop.deferUntilEndOfTurn(probe)
        loop.turn(longestWait: 60_000)
        #expect(probe.ends == 1)
        loop.turn(longestWait: 60_000)
        loop.turn(longestWait: 60_000)
        #expect(probe.ends == 3)
    }

    @Test func `more loops than processors leave Dispatch its threads`() throws {
        let count = Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))) * 2 + 4
        let started = Atomic<Int>(0)
        var handles: [LoopHandle] = []
        for number in 0..<count {
            handles.append(
                try Loop.start(name: "many-\(number)", prepare: { _ in _ = started.add(1, ordering: .relaxed) }))
        }
        #expect(eventually { started.load(ordering: .relaxed) == count })
        let done = Atomic<Int>(0)
        for _ in 0..<64 { DispatchQueue.global().async { _ = done.add(1, ordering: .relaxed) } }
        #expect(eventually { done.load(ordering: .relaxed) == 64 })
        for handle in handles { handle.stop() }
        #expect(eventually { handles.allSatisfy { $0.isStopped } })
    }

    @Test func `lets everything go when it stops`() throws {
        weak var gone: Probe?
        let (a, b) = socketPair()
        do {
            let loop = try Loop(name: "test")
            let probe = Probe()
            gone = probe
            try loop.add(fd: a, probe)
            loop.setDeadline(probe, loop.now + .seconds(100))
            probe.action = { _, loop in loop.stop() }
            loop.run()
        }
        #expect(gone == nil)
        close(a)
        close(b)
    }
}
