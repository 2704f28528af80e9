// SPDX-License-Identifier: Apache-2.0
import Testing
import Wire

@testable import Logins

/// A small town of honest users and whoever attacks it: what `Tests/Detection` plays at full size.
private struct Town {
    let detector: Detector
    var time = 1_000_000.0
    var number: UInt64 = 0
    var decisions: [Decision.Action] = []

    init(_ change: (inout DetectionSettings) -> Void = { _ in }) {
        var settings = DetectionSettings()
        change(&settings)
        detector = Detector(settings: settings, seed: 7)
    }

    static func browser(_ version: Int) -> HeaderList {
        headers([
            ("Host", "login.example.com"),
            ("User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/\(version).0.0.0 Safari/537.36"),
            ("Accept", "text/html"), ("Accept-Language", "en-GB,en;q=0.9"),
            ("Accept-Encoding", "gzip, deflate, br, zstd"),
            ("sec-ch-ua", "\"Chromium\";v=\"\(version)\""), ("Sec-Fetch-Site", "same-origin"), ("Priority", "u=0"),
            ("Origin", "https://login.example.com"),
        ])
    }

    static let script = headers([
        ("host", "login.example.com"), ("accept", "*/*"), ("content-type", "application/json"),
        ("user-agent", "Mozilla/5.0 (Windows NT 10.0) Chrome/126.0.0.0"),
        ("accept-encoding", "gzip"),
    ])

    static func headers(_ fields: [(String, String)]) -> HeaderList {
        var list = HeaderList()
        for (name, value) in fields { list.append(Array(name.utf8).span, Array(value.utf8).span) }
        return list
    }

    /// One attempt, `pause` seconds after the last; what became of it.
    @discardableResult
    mutating func attempt(
        _ account: Int, from address: UInt32, _ list: HeaderList, succeeds: Bool, password: UInt64 = 0,
        exists: Bool? = nil, isOnlyNoted: Bool = false, isDelivered: Bool = false, pause: Double = 1
    ) -> Decision.Action {
        time += pause
        number += 1
        var attempt = Attempt()
        attempt.time = time
        attempt.number = number
        attempt.client = IPAddress(v4: address)
        attempt.account = detector.hash.of(UInt64(account + 1), 1)
        attempt.password = password
        attempt.exists = exists
        attempt.isOnlyNoted = isOnlyNoted
        attempt.profile = detector.profile(of: list, tls: Span(), now: time)
        let decision = detector.arrive(attempt)
        if decision.action == .block { return .block }
        return detector.settle(attempt, decision, succeeded: succeeds, isDelivered: isDelivered).action
    }

    /// A place of its own for each person.
    static func home(_ person: Int) -> UInt32 { 0x0a00_0000 + UInt32(person) << 8 }

    /// Everybody logs in from home twice, and one in twelve fails once before it.
    mutating func liveQuietly(people: Int, rounds: Int = 2) {
        for round in 0..<rounds {
            for person in 0..<people {
                let list = Town.browser(120 + person % 7)
                if (person + round) % 12 == 0 { attempt(person, from: Town.home(person), list, succeeds: false) }
                attempt(person, from: Town.home(person), list, succeeds: true)
            }
        }
    }

    var open: [Signal] { detector.signals.filter { $0.state != .closed } }
}

struct DetectorTests {
    @Test func `a script behind thousands of addresses is found, told by its headers, and stopped`() {
        var town = Town()
        town.liveQuietly(people: 1_600)
        #expect(town.detector.signals.isEmpty)
        var stopped = 0
        for number in 0..<2_000 {
            let place = 0x2000_0000 + UInt32(number) * 7_919
            if town.attempt(10_000 + number, from: place, Town.script, succeeds: false) == .block { stopped += 1 }
        }
        #expect(stopped > 1_950)
        #expect(town.open.map(\.type) == [.distributedCredentialStuffing])
        #expect(town.open.first?.traits.isEmpty == false)
        #expect(town.open.first?.compromised.isEmpty == true)
        // Whoever is at home comes in, also with that very program.
        #expect(town.attempt(17, from: Town.home(17), Town.script, succeeds: true) == .allow)
    }

    @Test func `a tool that a few service accounts use all day is refused to strangers and not to them`() {
        var town = Town()
        for person in 0..<9_002 {
            let account = town.detector.hash.of(UInt64(person + 1), 1)
            town.detector.remember(account: account, client: IPAddress(v4: Town.home(person)), device: 0, time: 1)
        }
        for person in 0..<9_000 {
            town.attempt(person, from: Town.home(person), Town.browser(120 + person % 7), succeeds: true)
            if person % 150 == 0 {
                let service = 9_000 + person / 150 % 2
                town.attempt(service, from: Town.home(service), Town.script, succeeds: true)
            }
            if person % 7 > 0 { continue }
            town.attempt(
                person, from: 0x3000_0000 + UInt32(person) << 8, Town.browser(120 + person % 5), succeeds: true)
        }
        var stopped = 0
        for victim in 0..<300 {
            let action = town.attempt(
                10_000 + victim, from: 0x5000_0000 + UInt32(victim) << 9, Town.script, succeeds: false)
            if action == .block { stopped += 1 }
        }
        #expect(stopped > 260)
        #expect(town.attempt(9_000, from: Town.home(9_000), Town.script, succeeds: true) == .allow)
    }

    @Test func `in monitor mode nobody is stopped and everything is told`() {
        var town = Town { $0.response = .monitor }
        town.liveQuietly(people: 1_600)
        for number in 0..<500 {
            let answer = town.attempt(
                10_000 + number, from: 0x2000_0000 + UInt32(number) * 7_919, Town.script, succeeds: number == 400)
            #expect(answer == .allow)
        }
        #expect(town.open.count == 1)
        // Whom the script got in as is told, and nobody was stopped.
        #expect(town.open.first?.compromised == [town.detector.hash.of(10_401, 1)])
        #expect(town.open.first?.severity == .critical && town.open.first?.stopped == 0)
    }

    @Test func `a sender who is only watched is told and not stopped, and others are`() {
        var town = Town()
        town.liveQuietly(people: 1_600)
        for number in 0..<200 {
            town.attempt(
                10_000 + number, from: 0x2000_0000 + UInt32(number) * 7_919, Town.script, succeeds: false)
        }
        let stopped = town.open.first?.stopped ?? 0
        #expect(stopped > 150)
        let watched = town.attempt(20_000, from: 0x7000_0000, Town.script, succeeds: false, isOnlyNoted: true)
        #expect(watched == .allow && town.open.first?.stopped == stopped)
        #expect(town.open.first?.accounts.last == town.detector.hash.of(20_001, 1))
        #expect(town.attempt(20_001, from: 0x7000_0100, Town.script, succeeds: false) == .block)
    }

    @Test func `a success that its client has already is not withheld but told as taken`() {
        var town = Town()
        town.liveQuietly(people: 200)
        for guess in 0..<9 {
            town.attempt(
                5, from: 0x2000_0000 + UInt32(guess) << 9, Town.browser(121), succeeds: false,
                password: UInt64(guess + 1))
        }
        let last = town.attempt(5, from: 0x2100_0000, Town.browser(121), succeeds: true, isDelivered: true)
        #expect(last == .allow)
        #expect(town.open.first?.compromised == [town.detector.hash.of(6, 1)])
        #expect(town.open.first?.withheld == 0)
    }

    @Test func `guesses at one account from everywhere protect it from strangers and not from its owner`() {
        var town = Town()
        town.liveQuietly(people: 600)
        var answers: [Decision.Action] = []
        for number in 0..<40 {
            answers.append(
                town.attempt(
                    5, from: 0x3000_0000 + UInt32(number) << 12, Town.browser(121), succeeds: false,
                    password: 900 + UInt64(number), pause: 20))
        }
        let first = answers.firstIndex(of: .block)
        #expect(first.map { $0 <= 15 } == true)
        #expect(answers.suffix(20).allSatisfy { $0 == .block })
        #expect(town.open.map(\.type) == [.bruteforce])
        #expect(town.attempt(5, from: Town.home(5), Town.browser(121), succeeds: true) == .allow)
    }

    @Test func `a stranger who gets in after many wrong guesses is held back`() {
        var town = Town()
        town.liveQuietly(people: 600)
        for number in 0..<9 {
            town.attempt(
                5, from: 0x3000_0000, Town.browser(121), succeeds: false, password: 900 + UInt64(number), pause: 20)
        }
        #expect(town.attempt(5, from: 0x3000_0000, Town.browser(121), succeeds: true) == .withhold)
    }

    @Test func `a program that repeats one old password is no guesser`() {
        var town = Town()
        town.liveQuietly(people: 600)
        for _ in 0..<200 {
            #expect(
                town.attempt(5, from: 0x3000_0000, Town.browser(121), succeeds: false, password: 77, pause: 60)
                    == .allow)
        }
        #expect(town.detector.signals.isEmpty)
    }

    @Test func `one password for many accounts is spraying`() {
        var town = Town()
        town.liveQuietly(people: 600)
        var stopped = 0
        for number in 0..<200 {
            let answer = town.attempt(
                number, from: 0x3000_0000 + UInt32(number) << 10, Town.browser(120 + number % 7), succeeds: false,
                password: 5)
            if answer == .block { stopped += 1 }
        }
        #expect(stopped > 150)
        #expect(town.open.map(\.type) == [.passwordSpraying])
    }

    @Test func `a service that fails for everybody is no attack`() {
        var town = Town()
        town.liveQuietly(people: 1_000)
        for person in 0..<1_000 {
            #expect(
                town.attempt(person, from: Town.home(person), Town.browser(120 + person % 7), succeeds: false) == .allow
            )
            if person % 10 == 0 {
                let answer = town.attempt(
                    20_000 + person, from: 0x3000_0000 + UInt32(person) << 10, Town.browser(121), succeeds: false)
                #expect(answer == .allow)
            }
        }
        #expect(town.detector.signals.allSatisfy { $0.severity < .medium })
    }

    @Test func `a scan of names that do not exist is told, as low`() {
        var town = Town()
        town.liveQuietly(people: 600)
        for number in 0..<300 {
            town.attempt(50_000 + number, from: 0x3000_0000, Town.script, succeeds: false, exists: false)
        }
        #expect(town.open.map(\.severity) == [.low])
    }

    @Test func `a clock that jumps fires nothing and mutes nothing`() {
        var town = Town()
        town.liveQuietly(people: 1_600)
        town.time += 40 * 86_400
        town.attempt(1, from: Town.home(1), Town.browser(121), succeeds: true)
        town.time -= 41 * 86_400
        town.attempt(2, from: Town.home(2), Town.browser(122), succeeds: true)
        #expect(town.detector.signals.isEmpty)
        town.time += 41 * 86_400
        var stopped = 0
        for number in 0..<500
        where town.attempt(10_000 + number, from: 0x2000_0000 + UInt32(number) * 7_919, Town.script, succeeds: false)
            == .block
        {
            stopped += 1
        }
        #expect(stopped > 400)
    }

    @Test func `equal streams give equal answers`() {
        func play() -> ([Decision.Action], [String]) {
            var town = Town()
            town.liveQuietly(people: 1_000)
            var answers: [Decision.Action] = []
            for number in 0..<300 {
                answers.append(
                    town.attempt(
                        10_000 + number, from: 0x2000_0000 + UInt32(number) * 7_919, Town.script, succeeds: false))
            }
            return (answers, town.detector.signals.flatMap { $0.traits.flatMap(\.words) })
        }
        let (first, second) = (play(), play())
        #expect(first.0 == second.0)
        #expect(first.1 == second.1)
    }

    @Test func `random names, addresses and headers take no more memory than there is, and an attack is still found`() {
        var town = Town()
        town.liveQuietly(people: 1_600)
        for number in 0..<10_000 {
            let list = Town.headers([("x-\(number)", "1"), ("accept", "\(number)")])
            town.attempt(
                1_000_000 + number, from: 0x4000_0000 &+ UInt32(number) &* 2_654_435_761, list, succeeds: false,
                pause: 0.001)
        }
        #expect(town.detector.profiles.profiles.count <= ProfileTable.limit)
        #expect(town.detector.profiles.items.count <= ProfileTable.itemLimit)
        #expect(town.attempt(17, from: Town.home(17), Town.browser(123), succeeds: true) == .allow)
    }
}

struct DetectorClockTests {
    @Test func `a clock that was a year ahead and is put back does not leave anybody blocked for a year`() {
        var town = Town()
        town.liveQuietly(people: 600)
        town.time += 365 * 86_400
        for number in 0..<40 {
            town.attempt(
                5, from: 0x3000_0000 + UInt32(number) << 12, Town.browser(121), succeeds: false,
                password: 900 + UInt64(number))
        }
        #expect(town.attempt(5, from: 0x3100_0000, Town.browser(121), succeeds: false, password: 1) == .block)
        town.time -= 365 * 86_400
        #expect(town.attempt(5, from: 0x3200_0000, Town.browser(121), succeeds: false, password: 2) == .allow)
    }

    @Test func `a closed signal keeps its lists for a day and then only its summary`() {
        var town = Town()
        town.liveQuietly(people: 600)
        for number in 0..<40 {
            town.attempt(
                5, from: 0x3000_0000 + UInt32(number) << 12, Town.browser(121), succeeds: false,
                password: 900 + UInt64(number))
        }
        town.attempt(7, from: Town.home(7), Town.browser(120), succeeds: true, pause: 3_600)
        #expect(town.detector.signals.first?.state == .closed)
        #expect(town.detector.signals.first?.accounts.count == 1)
        town.attempt(7, from: Town.home(7), Town.browser(120), succeeds: true, pause: 90_000)
        #expect(town.detector.signals.first?.accounts.isEmpty == true)
        #expect(town.detector.signals.first.map { $0.attempts > 0 } == true)
    }
}
