// SPDX-License-Identifier: Apache-2.0
import Testing
import Wire

@testable import Logins

struct ReconTests {
    private let detector = Detector(settings: DetectionSettings(), seed: 7)

    private func attempt(_ account: Int, at time: Double, from address: UInt32, isReconnoitring: Bool = true) -> Attempt
    {
        var attempt = Attempt()
        attempt.time = time
        attempt.number = UInt64(time)
        attempt.client = IPAddress(v4: address)
        attempt.account = detector.hash.of(UInt64(account + 1), 1)
        attempt.isReconnoitring = isReconnoitring
        return attempt
    }

    private func play(_ attempt: Attempt, succeeds: Bool) -> Decision.Action {
        let decision = detector.arrive(attempt)
        return decision.isForwarded ? detector.settle(attempt, decision, succeeded: succeeds).action : decision.action
    }

    @Test func `whoever asks a reset page about one account after the other is told and stopped there`() {
        let answers = (0..<200).map { play(attempt($0, at: 1_000 + Double($0), from: 0x3000_0001), succeeds: false) }
        #expect(answers.prefix(8).allSatisfy { $0 == .allow })
        #expect(answers.suffix(150).allSatisfy { $0 == .block })
        #expect(detector.signals.map(\.type) == [.recon])
        #expect(detector.signals.map(\.severity) == [.medium])
        // Nothing is said of its logins.
        #expect(play(attempt(3, at: 1_300, from: 0x3000_0001, isReconnoitring: false), succeeds: false) == .allow)
    }

    @Test func `answers that always sound the same do not hide it`() {
        let answers = (0..<100).map { play(attempt($0, at: 1_000 + Double($0), from: 0x3000_0001), succeeds: true) }
        #expect(answers.suffix(40).allSatisfy { $0 == .block })
        #expect(detector.signals.map(\.type) == [.recon])
    }

    @Test func `somebody who asks again and again for his own account reconnoitres nothing`() {
        for turn in 0..<300 {
            #expect(play(attempt(5, at: 1_000 + Double(turn), from: 0x3000_0001), succeeds: false) == .allow)
        }
        #expect(detector.signals.isEmpty)
    }

    @Test func `a campus whose people log in may forget its passwords`() {
        for person in 0..<120 {
            let time = 1_000 + Double(person) * 10
            _ = play(attempt(person, at: time, from: 0x3000_0001, isReconnoitring: false), succeeds: true)
            #expect(play(attempt(person, at: time + 5, from: 0x3000_0001), succeeds: true) == .allow)
        }
        #expect(detector.signals.isEmpty)
    }

    @Test(arguments: [
        ("", "/password/reset", true), ("", "/Forgot-Password?x=login", true), ("signup", "/login", true),
        ("login", "/reset", false), ("", "/cash-register/login", false), ("", "/session", false), ("", "", false),
        ("", "/login?next=/reset", false),
    ]) func `a page is told by its name`(_ route: String, _ path: String, _ expected: Bool) {
        #expect(ReconRoute.isNamed(route: Array(route.utf8).span, path: Array(path.utf8).span) == expected)
    }

    @Test func `a thousand strangers at one account at the same time are eleven for the service`() {
        let started = (0..<1_000).map { number -> (Attempt, Decision) in
            var attempt = attempt(5, at: 1_000, from: 0x4000_0000 + UInt32(number) << 8, isReconnoitring: false)
            attempt.number = UInt64(number)
            attempt.password = UInt64(number + 1)
            return (attempt, detector.arrive(attempt))
        }
        #expect(started.count { $0.1.isForwarded } == 11)
        #expect(started.last?.1.action == .limit)
        // One success and one that never got an answer make room for two.
        for (index, (attempt, decision)) in started.prefix(2).enumerated() {
            if index == 0 {
                detector.abandon(attempt, decision)
            } else {
                _ = detector.settle(attempt, decision, succeeded: true)
            }
        }
        let more = (2_000..<2_010).map { number -> Decision in
            var attempt = attempt(5, at: 1_001, from: 0x5000_0000 + UInt32(number) << 8, isReconnoitring: false)
            attempt.password = UInt64(number)
            return detector.arrive(attempt)
        }
        #expect(more.count { $0.isForwarded } == 2)
    }

    @Test func `the owner who logs in meanwhile frees nothing of what strangers are charged`() {
        let owner = attempt(5, at: 999, from: 0x0a00_0100, isReconnoitring: false)
        detector.remember(account: owner.account, client: owner.client, device: 0, time: 999)
        for number in 0..<11 {
            var stranger = attempt(5, at: 1_000, from: 0x4000_0000 + UInt32(number) << 8, isReconnoitring: false)
            stranger.password = UInt64(number + 1)
            #expect(detector.arrive(stranger).isCharged)
        }
        for _ in 0..<11 {
            let decision = detector.arrive(owner)
            #expect(decision == .allow)
            _ = detector.settle(owner, decision, succeeded: true)
        }
        var reset = owner
        reset.isReconnoitring = true
        detector.abandon(reset, detector.arrive(reset))
        let twelfth = attempt(5, at: 1_001, from: 0x6000_0000, isReconnoitring: false)
        #expect(detector.arrive(twelfth).action == .limit)
    }

    @Test func `what was charged is given back when the detection is switched off meanwhile`() {
        let started = (0..<11).map { number -> (Attempt, Decision) in
            let attempt = attempt(5, at: 1_000, from: 0x4000_0000 + UInt32(number) << 8, isReconnoitring: false)
            return (attempt, detector.arrive(attempt))
        }
        detector.settings.isEnabled = false
        for (attempt, decision) in started { _ = detector.settle(attempt, decision, succeeded: false) }
        detector.settings.isEnabled = true
        let next = attempt(5, at: 1_001, from: 0x6000_0000, isReconnoitring: false)
        #expect(detector.arrive(next).isForwarded)
    }
}
