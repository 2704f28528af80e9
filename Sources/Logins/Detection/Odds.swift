// SPDX-License-Identifier: Apache-2.0

/// How much one failure says for an attack, and one success against it: steps of a sequential test (Wald). What familiar users do at the
/// same time is the measure, so that a service that fails for everybody looks like no attack. Confined to the detector.
struct Odds {
    /// Failures among the last 250 or so attempts of familiar users.
    private(set) var familiarFailures = 0.15
    /// Unknown accounts among the attempts of familiar places; they are hardly ever familiar, so of unfamiliar ones in quiet times.
    private(set) var unknownShare = 0.02
    private(set) var up = 1.2
    private(set) var down = 3.0
    private(set) var unknownUp = 2.0
    private(set) var unknownDown = 2.0

    init() { settle() }

    mutating func familiar(failed: Bool) {
        familiarFailures += ((failed ? 1 : 0) - familiarFailures) / 250
        settle()
    }

    mutating func unfamiliar(unknown: Bool) {
        unknownShare += ((unknown ? 1 : 0) - unknownShare) / 2_000
        unknownShare = min(unknownShare, 0.1)
        settle()
    }

    private mutating func settle() {
        let normal = min(max(1.5 * familiarFailures, 0.2), 0.97)
        up = Odds.logarithm(0.98 / normal)
        down = Odds.logarithm((1 - normal) / 0.02)
        let unknown = min(max(3 * unknownShare, 0.06), 0.5)
        unknownUp = Odds.logarithm(0.9 / unknown)
        unknownDown = Odds.logarithm((1 - unknown) / 0.1)
    }

    /// Natural logarithm for 1/64...64, without the C library: the series of atanh, error below one in ten thousand.
    static func logarithm(_ value: Double) -> Double {
        var rest = value
        var halvings = 0.0
        while rest > 1.5 {
            rest /= 2
            halvings += 1
        }
        while rest < 0.75 {
            rest *= 2
            halvings -= 1
        }
        let x = (rest - 1) / (rest + 1)
        let square = x * x
        return halvings * 0.693_147_180_559_945_3 + 2 * x * (1 + square * (1 / 3 + square * (1 / 5 + square / 7)))
    }
}

/// When a search is due again: soon, and after one that found nothing ever later, up to five minutes. Part of the walk that asks for it.
struct SearchPause {
    private static let shortest = 5.0

    private(set) var next = 0.0
    private var pause = SearchPause.shortest

    mutating func shorten() { pause = SearchPause.shortest }

    mutating func searched(found: Bool, _ now: Double) {
        pause = found ? SearchPause.shortest : min(pause * 1.6, 300)
        next = now + pause
    }
}

/// A walk over all unfamiliar attempts whose headers are rarer than `share`: evidence for one script behind any number of addresses.
struct NoveltyPool {
    /// Of the good attempts' headers so many carry the rarest item.
    let share: Double
    let limit: Double
    private(set) var score = 0.0
    private(set) var unknownScore = 0.0
    private(set) var onset = 0.0
    var searches = SearchPause()

    init(share: Double, limit: Double) {
        self.share = share
        self.limit = limit
    }

    var isRipe: Bool { score >= limit || unknownScore >= limit }

    mutating func failed(_ odds: Odds, unknown: Bool, _ now: Double) {
        if score == 0 && unknownScore == 0 { onset = now }
        score = min(score + odds.up, 4 * limit)
        unknownScore = unknown ? min(unknownScore + odds.unknownUp, 4 * limit) : max(0, unknownScore - odds.unknownDown)
    }

    mutating func succeeded(_ odds: Odds) {
        score = max(0, score - odds.down)
        unknownScore = max(0, unknownScore - odds.unknownDown)
        if score == 0 && unknownScore == 0 { searches.shorten() }
    }

    mutating func reset() {
        score = 0
        unknownScore = 0
        searches.shorten()
    }
}

/// Failures of a whole service against what its familiar users and its newcomers let expect: a cumulative sum per scale. Says that something
/// goes on, not who. Confined to the detector.
struct GlobalExcess {
    let seconds: Double
    let slack: Double
    let mineAt: Double
    let alarmAt: Double
    private(set) var score = 0.0
    private(set) var onset = 0.0
    private var bucketStart = 0.0
    private var failures = 0.0
    private var familiarFailures = 0.0
    private var familiarSuccesses = 0.0
    private var newcomers = 0.0
    /// The last minutes, smoothed, and the long run, which stands still during an alarm.
    private var recentFamiliar = 0.0
    private var recentGood = 0.0
    private var recentNewcomers = 0.0
    private var longFailures = 0.0
    private var longFamiliar = 0.0
    private var longGood = 0.0
    private var longNewcomers = 0.0
    var searches = SearchPause()

    init(seconds: Double, slack: Double, mineAt: Double, alarmAt: Double) {
        self.seconds = seconds
        self.slack = slack
        self.mineAt = mineAt
        self.alarmAt = alarmAt
    }

    var isRipe: Bool { score >= mineAt }
    var isAlarm: Bool { score >= alarmAt }
    /// It has seen enough of quiet times to judge.
    var isWarm: Bool { longNewcomers >= 150 && longFailures >= 30 }
    /// Unfamiliar failures for each success of a newcomer, in quiet times.
    var failuresPerNewcomer: Double { longNewcomers > 0 ? longFailures / longNewcomers : 0.5 }

    mutating func failed(familiar: Bool) { if familiar { familiarFailures += 1 } else { failures += 1 } }
    mutating func familiarSuccess() { familiarSuccesses += 1 }
    mutating func newcomer() { newcomers += 1 }

    /// Closes the stretches that have passed. A jump of the clock closes one.
    mutating func advance(_ now: Double) {
        if bucketStart == 0 || now < bucketStart - 60 || now - bucketStart > 86_400 { bucketStart = now }
        var rounds = 0
        while now - bucketStart >= seconds {
            close()
            bucketStart += seconds
            rounds += 1
            if rounds > 10_000 {
                bucketStart = now
                break
            }
        }
    }

    private mutating func close() {
        let smoothing = seconds >= 300 ? 0.5 : 0.15
        recentFamiliar += (familiarFailures - recentFamiliar) * smoothing
        recentNewcomers += (newcomers - recentNewcomers) * smoothing
        recentGood += (familiarSuccesses - recentGood) * smoothing
        if isWarm {
            let byFamiliar = longFamiliar > 0 ? longFailures / longFamiliar * max(recentFamiliar, familiarFailures) : 0
            let byNewcomers = failuresPerNewcomer * max(recentNewcomers, newcomers)
            let expected = max(byFamiliar, byNewcomers * hardship) * slack + 0.5
            if score == 0 && failures > expected { onset = bucketStart }
            score = min(max(0, score + failures - expected), 3 * alarmAt)
            if score == 0 { searches.shorten() }
        }
        if score < mineAt / 2 {
            let kept = Decay.factor(seconds, halfLife: 6 * 3_600)
            longFailures = longFailures * kept + failures
            longFamiliar = longFamiliar * kept + familiarFailures
            longNewcomers = longNewcomers * kept + newcomers
            longGood = longGood * kept + familiarSuccesses
        }
        failures = 0
        familiarFailures = 0
        familiarSuccesses = 0
        newcomers = 0
    }

    /// How much worse familiar users fare than usual, as a ratio of odds: when a service fails for them it fails for newcomers, too.
    private var hardship: Double {
        if longGood < 50 || longFamiliar < 5 { return 1 }
        let usual = longFamiliar / longGood
        let lately = (max(recentFamiliar, familiarFailures) + 0.2) / (recentGood + 0.2)
        return min(max(lately / usual, 1), 50)
    }

    mutating func reset() {
        score = 0
        searches.shorten()
    }
}

// MARK: State

extension Odds {
    func save(to body: inout StateWriter) {
        body.put(familiarFailures)
        body.put(unknownShare)
    }

    mutating func load(_ body: inout StateReader) throws(StateProblem) {
        familiarFailures = min(1, max(0, try body.real()))
        unknownShare = min(0.1, max(0, try body.real()))
        settle()
    }
}

extension NoveltyPool {
    func save(to body: inout StateWriter) { for value in [score, unknownScore, onset] { body.put(value) } }

    mutating func load(_ body: inout StateReader) throws(StateProblem) {
        score = min(4 * limit, max(0, try body.real()))
        unknownScore = min(4 * limit, max(0, try body.real()))
        onset = try body.real()
    }
}

extension GlobalExcess {
    func save(to body: inout StateWriter) {
        for value in [score, onset, recentFamiliar, recentGood, recentNewcomers] { body.put(value) }
        for value in [longFailures, longFamiliar, longGood, longNewcomers] { body.put(value) }
    }

    /// The stretch that was open is not taken up again: nobody knows what happened in between.
    mutating func load(_ body: inout StateReader) throws(StateProblem) {
        score = min(3 * alarmAt, max(0, try body.real()))
        onset = try body.real()
        recentFamiliar = max(0, try body.real())
        recentGood = max(0, try body.real())
        recentNewcomers = max(0, try body.real())
        longFailures = max(0, try body.real())
        longFamiliar = max(0, try body.real())
        longGood = max(0, try body.real())
        longNewcomers = max(0, try body.real())
    }
}
