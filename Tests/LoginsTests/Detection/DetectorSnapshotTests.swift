// SPDX-License-Identifier: Apache-2.0
import Testing
import Wire

@testable import Logins

/// A detector with people who are at home and an attack that is on.
private struct Stage {
    var detector: Detector
    var time = 1_000_000.0
    var number: UInt64 = 0

    init(seed: UInt64 = 7) { detector = Detector(settings: DetectionSettings(), seed: seed) }

    static func headers(_ fields: [(String, String)]) -> HeaderList {
        var list = HeaderList()
        for (name, value) in fields { list.append(Array(name.utf8).span, Array(value.utf8).span) }
        return list
    }

    static let browser = headers([
        ("Host", "login.example.com"), ("User-Agent", "Mozilla/5.0 (Windows NT 10.0) Chrome/126.0.0.0 Safari/537.36"),
        ("Accept", "text/html"), ("Accept-Language", "en-GB"), ("Accept-Encoding", "gzip, br, zstd"),
        ("Cookie", "session=topsecret"),
        ("Authorization", "Basic topsecret"), ("Origin", "https://login.example.com"),
    ])
    static let script = headers([
        ("host", "login.example.com"), ("accept", "*/*"),
        ("user-agent", "Mozilla/5.0 (Windows NT 10.0) Chrome/126.0.0.0"),
    ])

    static func attempt(
        _ detector: Detector, at time: Double, _ number: UInt64, _ account: Int, _ address: UInt32, _ list: HeaderList
    ) -> Attempt {
        var attempt = Attempt()
        attempt.time = time
        attempt.number = number
        attempt.client = IPAddress(v4: address)
        attempt.account = detector.hash.of(UInt64(account + 1), 1)
        attempt.profile = detector.profile(of: list, tls: Span(), now: time)
        return attempt
    }

    @discardableResult
    mutating func play(_ account: Int, from address: UInt32, _ list: HeaderList, succeeds: Bool) -> Decision.Action {
        time += 1
        number += 1
        let attempt = Stage.attempt(detector, at: time, number, account, address, list)
        let decision = detector.arrive(attempt)
        if decision.action == .block { return .block }
        return detector.settle(attempt, decision, succeeded: succeeds).action
    }

    static func home(_ person: Int) -> UInt32 { 0x0a00_0000 + UInt32(person) << 8 }

    /// Everybody logs in twice; then a script tries strangers' accounts until it is stopped.
    mutating func attack() {
        for _ in 0..<2 {
            for person in 0..<3_000 { play(person, from: Stage.home(person), Stage.browser, succeeds: true) }
        }
        for victim in 0..<120 {
            play(victim + 50_000, from: 0x5000_0000 + UInt32(victim) << 9, Stage.script, succeeds: false)
        }
    }
}

struct DetectorSnapshotTests {
    @Test func `a restored detector stops the same attack, knows the same people and goes on with the same signal`()
        throws
    {
        var stage = Stage()
        stage.attack()
        #expect(stage.play(60_000, from: 0x6000_0000, Stage.script, succeeds: true) == .block)
        let before = try #require(stage.detector.signals.last { $0.state != .closed })
        stage.detector = try Detector.restored(from: stage.detector.snapshot(), settings: DetectionSettings(), seed: 7)
        #expect(stage.play(60_001, from: 0x6000_1000, Stage.script, succeeds: true) == .block)
        #expect(stage.play(5, from: Stage.home(5), Stage.browser, succeeds: true) == .allow)
        let known = Stage.attempt(stage.detector, at: stage.time, 0, 5, Stage.home(5), Stage.browser)
        let stranger = Stage.attempt(stage.detector, at: stage.time, 0, 5, 0x7000_0000, Stage.browser)
        #expect(stage.detector.isFamiliar(known) && !stage.detector.isFamiliar(stranger))
        let after = try #require(stage.detector.signals.last { $0.state != .closed })
        #expect(after.number == before.number && after.stopped == before.stopped + 1)
        #expect(after.evidence.starts(with: before.evidence) && after.traits == before.traits)
    }

    @Test func `a restored detector decides as the one that was never stopped`() throws {
        var stage = Stage()
        stage.attack()
        var other = stage
        other.detector = try Detector.restored(from: stage.detector.snapshot(), settings: DetectionSettings(), seed: 7)
        for round in 0..<600 {
            let list = round % 3 == 0 ? Stage.browser : Stage.script
            let address = 0x5a00_0000 + UInt32(round) << 9
            let first = stage.play(round + 70_000, from: address, list, succeeds: round % 4 == 0)
            let second = other.play(round + 70_000, from: address, list, succeeds: round % 4 == 0)
            #expect(first == second)
        }
        #expect(stage.detector.snapshot().count == other.detector.snapshot().count)
    }

    @Test func `what was written is read back without a difference`() throws {
        var stage = Stage()
        stage.attack()
        let written = stage.detector.snapshot()
        let restored = try Detector.restored(from: written, settings: DetectionSettings(), seed: 7)
        #expect(restored.snapshot() == written)
    }

    @Test func `no value of a cookie or a credential is written`() {
        var stage = Stage()
        stage.attack()
        let written = stage.detector.snapshot()
        let secret = Array("topsecret".utf8)
        let shown = Array("en-GB".utf8)
        func holds(_ text: [UInt8]) -> Bool {
            written.indices.contains {
                $0 + text.count <= written.count && written[$0] == text[0]
                    && written[$0..<($0 + text.count)].elementsEqual(text)
            }
        }
        #expect(!holds(secret))
        #expect(holds(shown))
    }

    @Test func `state that is not ours, of another version or key, or damaged is refused with its reason`() {
        var stage = Stage()
        stage.attack()
        let written = stage.detector.snapshot()
        func problem(_ bytes: [UInt8], seed: UInt64 = 7) -> StateProblem? {
            do throws(StateProblem) {
                _ = try Detector.restored(from: bytes, settings: DetectionSettings(), seed: seed)
                return nil
            } catch { return error }
        }
        #expect(problem(written) == nil)
        #expect(problem([]) == .foreign)
        #expect(problem(Array("something else, and long enough to be a head".utf8)) == .foreign)
        #expect(problem(written, seed: 8) == .otherKey)
        var newer = written
        newer[8] = 9
        #expect(problem(newer) == .version(9))
        for place in [13, 20, 30, 36, 500, written.count / 2, written.count - 1] {
            var changed = written
            changed[place] ^= 0x10
            #expect(problem(changed) != nil, "byte \(place)")
        }
        for count in [8, 35, 36, 37, written.count / 2, written.count - 1] {
            #expect(problem(Array(written.prefix(count))) != nil)
        }
        #expect(problem(written + [0]) == .damaged)
    }

    /// A right sum over a wrong body: nothing traps, whatever it says.
    @Test func `a body of somebody's making is refused or harmless`() {
        var stage = Stage()
        stage.attack()
        let head = 36
        let body = Array(stage.detector.snapshot()[head...])
        var read = 0
        var state: UInt64 = 99
        for _ in 0..<60 {
            var changed = body
            for _ in 0..<3 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                changed[Int(state >> 33) % changed.count] = UInt8(truncatingIfNeeded: state >> 24)
            }
            guard
                let made = try? Detector.restored(
                    from: Detector.sealed(changed, seed: 7), settings: DetectionSettings(), seed: 7)
            else { continue }
            read += 1
            let attempt = Stage.attempt(made, at: 1_100_000, 1, 1, 0x5000_0001, Stage.script)
            let decision = made.arrive(attempt)
            if decision.action != .block { _ = made.settle(attempt, decision, succeeded: false) }
        }
        // Most bytes are bits of filters: what they say is harmless.
        #expect(read > 0)
        #expect(
            (try? Detector.restored(from: Detector.sealed(body + [1], seed: 7), settings: DetectionSettings(), seed: 7))
                == nil)
    }

    @Test func `an empty detector is written and read`() throws {
        let empty = Detector(settings: DetectionSettings(), seed: 3)
        let restored = try Detector.restored(from: empty.snapshot(), settings: DetectionSettings(), seed: 3)
        #expect(restored.signals.isEmpty)
        #expect(empty.snapshot().count < 1 << 20)
    }
}
