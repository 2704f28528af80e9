// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Transport

private func at(milliseconds: UInt64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }

/// All targets that are due at `now`.
private func expired(_ wheel: inout TimerWheel, _ now: MonotonicTime) -> [ObjectIdentifier] {
    var found: [ObjectIdentifier] = []
    while let target = wheel.popExpired(now: now) { found.append(ObjectIdentifier(target)) }
    return found
}

@Suite struct TimerWheelTests {
    @Test func `fires after the deadline and not before`() {
        var wheel = TimerWheel(now: at(milliseconds: 1000))
        let target = EventTarget()
        wheel.set(target, at(milliseconds: 1500))
        #expect(expired(&wheel, at(milliseconds: 1499)).isEmpty)
        #expect(expired(&wheel, at(milliseconds: 1520)) == [ObjectIdentifier(target)])
        #expect(target.deadline == .never)
        #expect(wheel.count == 0)
    }

    @Test func `a later deadline is found when the old place is reached`() {
        var wheel = TimerWheel(now: at(milliseconds: 0))
        let target = EventTarget()
        wheel.set(target, at(milliseconds: 100))
        let place = target.timerEntry
        wheel.set(target, at(milliseconds: 5000))
        #expect(target.timerEntry == place)
        #expect(expired(&wheel, at(milliseconds: 4999)).isEmpty)
        #expect(expired(&wheel, at(milliseconds: 5020)).count == 1)
    }

    @Test func `an earlier deadline moves the target`() {
        var wheel = TimerWheel(now: at(milliseconds: 0))
        let target = EventTarget()
        wheel.set(target, at(milliseconds: 5000))
        wheel.set(target, at(milliseconds: 100))
        #expect(expired(&wheel, at(milliseconds: 120)).count == 1)
    }

    @Test func `deadlines beyond the wheel wait their time`() {
        var wheel = TimerWheel(now: at(milliseconds: 0))
        let target = EventTarget()
        wheel.set(target, at(milliseconds: 300_000))
        var time: UInt64 = 0
        while time < 299_000 {
            time += 997
            #expect(expired(&wheel, at(milliseconds: time)).isEmpty)
        }
        #expect(expired(&wheel, at(milliseconds: 300_020)).count == 1)
    }

    @Test func `a long sleep loses no deadline`() {
        var wheel = TimerWheel(now: at(milliseconds: 0))
        let targets = (0..<100).map { _ in EventTarget() }
        for (index, target) in targets.enumerated() { wheel.set(target, at(milliseconds: UInt64(index) * 5000)) }
        #expect(expired(&wheel, at(milliseconds: 1_000_000)).count == 100)
        #expect(wheel.count == 0)
    }

    @Test func `a target that asks for the past again and again does not hold the turn`() {
        var wheel = TimerWheel(now: at(milliseconds: 0))
        let target = EventTarget()
        wheel.set(target, at(milliseconds: 10))
        let now = at(milliseconds: 1000)
        var fired = 0
        while let expired = wheel.popExpired(now: now), fired < 10 {
            fired += 1
            wheel.set(expired, at(milliseconds: 10))
        }
        #expect(fired == 1)
        #expect(expired(&wheel, at(milliseconds: 1040)).count == 1)
    }

    @Test func `clearing the deadline of an unregistered target lets it go`() {
        var wheel = TimerWheel(now: at(milliseconds: 0))
        var target: EventTarget? = EventTarget()
        weak let gone = target
        if let target {
            wheel.set(target, at(milliseconds: 100))
            wheel.set(target, .never)
        }
        target = nil
        #expect(gone == nil)
        #expect(wheel.count == 0)
    }

    @Test func `says how long nothing happens`() {
        var wheel = TimerWheel(now: at(milliseconds: 0))
        let target = EventTarget()
        #expect(wheel.milliseconds(from: at(milliseconds: 0), limit: 1000) == 1000)
        wheel.set(target, at(milliseconds: 500))
        let wait = wheel.milliseconds(from: at(milliseconds: 0), limit: 1000)
        #expect(wait >= 500 && wait <= 520)
        #expect(wheel.milliseconds(from: at(milliseconds: 600), limit: 1000) == 0)
    }

    @Test func `agrees with a plain list over many random deadlines`() {
        var wheel = TimerWheel(now: at(milliseconds: 0))
        var random = SystemRandomNumberGenerator()
        let targets = (0..<200).map { _ in EventTarget() }
        var wanted = [UInt64?](repeating: nil, count: targets.count)
        var time: UInt64 = 0
        for _ in 0..<2000 {
            for _ in 0..<3 {
                let index = Int.random(in: 0..<targets.count, using: &random)
                if Int.random(in: 0..<5, using: &random) == 0 {
                    wanted[index] = nil
                    wheel.set(targets[index], .never)
                } else {
                    let deadline = time + UInt64.random(in: 0...100_000, using: &random)
                    wanted[index] = deadline
                    wheel.set(targets[index], at(milliseconds: deadline))
                }
            }
            time += UInt64.random(in: 1...400, using: &random)
            let fired = Set(expired(&wheel, at(milliseconds: time)))
            for (index, target) in targets.enumerated() {
                let hasFired = fired.contains(ObjectIdentifier(target))
                guard let deadline = wanted[index] else {
                    #expect(!hasFired)
                    continue
                }
                if hasFired {
                    #expect(deadline < time)
                    wanted[index] = nil
                } else {
                    #expect(deadline + 35 >= time)
                }
            }
        }
    }
}
