// SPDX-License-Identifier: Apache-2.0
import Wire

/// One unfamiliar failure, as the miner needs it.
struct FailureRecord: Sendable {
    var time: Double
    var number: UInt64
    var account: UInt64
    var client: IPAddress
    var password: UInt64
    var profile: Int32
    var isUnknown: Bool
}

/// Items that an attack's requests have in common, all of which must be there, with the reasons why it is safe to refuse them.
struct Conjunction: Sendable {
    var items: [Int32]
    /// Failures that carry it, and which part of the attack they are.
    var matches: Int
    var share: Double
    /// How much commoner it is in the attack than among newcomers who came in.
    var lift: Double
    /// Legitimate logins that refusing it would hit, in a million, at 99 %.
    var collateral: Double
}

/// Searches what the failures of an attack have in common and nobody else has: conjunctions of at most four items, judged against newcomers who
/// came in. Pure; some milliseconds, off the loops.
struct TraitMiner {
    private static let candidateLimit = 128
    private static let beamWidth = 24
    private static let depth = 4
    private static let rounds = 6

    /// Counts of one profile.
    private struct Weights {
        var failed = 0
        var strange = 0.0
        var good = 0.0
        var fresh = 0.0
        var familiar = 0.0
        /// Familiar accounts that came in with it.
        var accounts = 0.0
    }

    private struct Totals {
        var failed = 0.0
        var strange = 0.0
        var good = 0.0
        var familiar = 0.0
    }

    /// A set of profiles: the first words are those that failed.
    private struct State {
        var items: [Int]
        var bits: [UInt64]
        var support: Int
    }

    private let table: ProfileTable
    private let collateralLimit: Double
    /// Newcomers among all who come in.
    private let newcomerShare: Double
    /// Legitimate failures that are expected in the stretch.
    private let expected: Double
    private var profiles: [Int32] = []
    private var weights: [Weights] = []
    private var failedWords = 0
    private var totals = Totals()

    /// `fresh`: newcomers who came in since the attack began, by profile; they are no measure for what is legitimate.
    init(
        _ table: ProfileTable, failures: [FailureRecord], fresh: [Int32: Int], collateralLimit: Double,
        newcomerShare: Double,
        expected: Double, now: Double
    ) {
        self.table = table
        self.collateralLimit = collateralLimit
        self.newcomerShare = newcomerShare
        self.expected = expected
        var failed: [Int32: Int] = [:]
        for failure in failures where failure.profile >= 0 { failed[failure.profile, default: 0] += 1 }
        for (profile, count) in failed.sorted(by: { $0.key < $1.key }) { add(profile, count, fresh, now) }
        failedWords = (profiles.count + 63) / 64
        for place in table.profiles.indices where failed[Int32(place)] == nil {
            let profile = table.profiles[place]
            if profile.strange > 0 || profile.good > 0 || profile.familiar > 0.5 { add(Int32(place), 0, fresh, now) }
        }
    }

    private mutating func add(_ profile: Int32, _ failed: Int, _ fresh: [Int32: Int], _ now: Double) {
        let known = table.profiles[Int(profile)]
        let newer = Double(fresh[profile] ?? 0)
        let own = Weights(
            failed: failed, strange: max(0, Double(known.strange) - newer), good: Double(known.good), fresh: newer,
            familiar: known.familiarNow(now), accounts: known.good > 0 ? Double(known.accounts.value) : 0)
        profiles.append(profile)
        weights.append(own)
        totals.failed += Double(failed)
        totals.strange += own.strange
        totals.good += own.good
        totals.familiar += own.familiar
    }

    /// Conjunctions that together explain at least a fifth of the attack, the most telling first; empty when none is safe.
    mutating func mine() -> [Conjunction] {
        var found: [Conjunction] = []
        let all = totals.failed
        var covered = 0.0
        for _ in 0..<TraitMiner.rounds {
            if totals.failed < 8 { break }
            guard let best = search(), let bits = members(of: best) else { break }
            var scaled = best
            scaled.share = best.share * totals.failed / all
            if scaled.share < 0.05 { break }
            found.append(scaled)
            covered += scaled.share
            for place in 0..<min(profiles.count, failedWords * 64) where bits[place >> 6] & 1 << UInt64(place & 63) != 0
            {
                totals.failed -= Double(weights[place].failed)
                weights[place].failed = 0
            }
        }
        return covered >= 0.2 ? found : []
    }

    // MARK: Search

    private func search() -> Conjunction? {
        let needed = max(8, Int(totals.failed * 0.05))
        let candidates = candidates(needed)
        if candidates.isEmpty { return nil }
        let sets = bitsets(candidates)
        var best: Conjunction?
        var bestRank = -Double.infinity
        var beam: [State] = []
        for index in candidates.indices {
            beam.append(State(items: [index], bits: sets[index], support: support(sets[index])))
        }
        for level in 1...TraitMiner.depth {
            var ranked: [(rank: Double, state: Int)] = []
            for index in beam.indices {
                let judged = judge(beam[index], candidates)
                let safe = judged.conjunction
                if let safe, rank(safe) > bestRank {
                    best = safe
                    bestRank = rank(safe)
                }
                ranked.append((judged.promise, index))
            }
            // What is left could at most explain a little more, at the price of one more item.
            if level == TraitMiner.depth || best.map({ $0.share > 0.93 }) ?? false { break }
            ranked.sort { $0.rank > $1.rank }
            beam = extend(ranked.prefix(TraitMiner.beamWidth).map { beam[$0.state] }, sets, needed)
            if beam.isEmpty { break }
        }
        return best
    }

    /// The more it explains the better; of equals the one that costs less, with fewer items and of families that belong to a program.
    private func rank(_ conjunction: Conjunction) -> Double {
        var rank = conjunction.share - 0.01 * Double(conjunction.items.count)
        rank -= 0.01 * min(10, conjunction.collateral / collateralLimit)
        for number in conjunction.items {
            let family = table.items[Int(number)].item.family
            if family == .agent || family == .browser { rank -= 0.03 }
            if !family.isTelling { rank -= 0.004 }
        }
        return rank
    }

    private func extend(_ states: [State], _ sets: [[UInt64]], _ needed: Int) -> [State] {
        var next: [State] = []
        var seen: Set<[Int]> = []
        for state in states {
            for index in sets.indices where !state.items.contains(index) {
                var items = state.items + [index]
                items.sort()
                if !seen.insert(items).inserted { continue }
                var bits = state.bits
                for word in bits.indices { bits[word] &= sets[index][word] }
                let support = support(bits)
                // An item that takes nothing away from the failures may still take away innocents; one that takes nothing at all is noise.
                if support < needed || bits == state.bits { continue }
                next.append(State(items: items, bits: bits, support: support))
            }
        }
        return next
    }

    private func candidates(_ needed: Int) -> [Int32] {
        var counts: [Int32: Int] = [:]
        for place in profiles.indices where weights[place].failed > 0 {
            for number in table.profiles[Int(profiles[place])].items {
                counts[number, default: 0] += weights[place].failed
            }
        }
        let goodTotal = totals.strange + totals.good + 1
        var ranked: [(Double, Int32)] = []
        for (number, count) in counts where count >= needed {
            let usual = Double(table.items[Int(number)].good) / goodTotal
            ranked.append((Double(count) / totals.failed - usual, number))
        }
        ranked.sort { $0.0 == $1.0 ? $0.1 < $1.1 : $0.0 > $1.0 }
        return ranked.prefix(TraitMiner.candidateLimit).map(\.1)
    }

    private func bitsets(_ candidates: [Int32]) -> [[UInt64]] {
        var slots: [Int32: Int] = [:]
        for (slot, number) in candidates.enumerated() { slots[number] = slot }
        let words = (profiles.count + 63) / 64
        var sets = [[UInt64]](repeating: [UInt64](repeating: 0, count: words), count: candidates.count)
        for place in profiles.indices {
            for number in table.profiles[Int(profiles[place])].items {
                if let slot = slots[number] { sets[slot][place >> 6] |= 1 << UInt64(place & 63) }
            }
        }
        return sets
    }

    private func support(_ bits: [UInt64]) -> Int {
        var sum = 0
        for word in 0..<failedWords {
            var rest = bits[word]
            while rest != 0 {
                let place = word << 6 | rest.trailingZeroBitCount
                rest &= rest - 1
                if place < weights.count { sum += weights[place].failed }
            }
        }
        return sum
    }

    private func members(of conjunction: Conjunction) -> [UInt64]? {
        let sets = bitsets(conjunction.items)
        guard var bits = sets.first else { return nil }
        for set in sets { for word in bits.indices { bits[word] &= set[word] } }
        return bits
    }

    // MARK: Judgement

    private func judge(_ state: State, _ candidates: [Int32]) -> (conjunction: Conjunction?, promise: Double) {
        var sum = Weights()
        for word in state.bits.indices {
            var rest = state.bits[word]
            while rest != 0 {
                let own = weights[word << 6 | rest.trailingZeroBitCount]
                rest &= rest - 1
                sum.strange += own.strange
                sum.good += own.good
                sum.fresh += own.fresh
                sum.familiar += own.familiar
                sum.accounts += own.accounts
            }
        }
        let matches = Double(state.support)
        let rate = totals.strange > 0 ? sum.strange / totals.strange : 0
        let background = min(expected, totals.failed * 0.9)
        let share = max(0, (matches - background * rate) / max(1, totals.failed - background))
        let bound = TraitMiner.upperBound(sum.strange, totals.strange)
        let promise = share - 20 * min(1, bound)
        let lift = ((matches + 0.5) / (totals.failed + 1)) / ((sum.strange + 0.5) / (totals.strange + 1))
        guard let collateral = collateral(sum, bound), share >= 0.05, matches >= 8, lift >= 20,
            sum.fresh <= (matches < 20 ? 0 : max(1, 0.03 * matches)), growth(sum) <= max(2, 0.03 * matches)
        else { return (nil, promise) }
        let conjunction = Conjunction(
            items: state.items.map { candidates[$0] }, matches: state.support, share: min(1, share), lift: lift,
            collateral: collateral)
        return (conjunction, promise)
    }

    /// Legitimate logins in a million that would be hit; nil when that is too many or too little is known.
    private func collateral(_ sum: Weights, _ bound: Double) -> Double? {
        if totals.strange < 50 { return nil }
        let byNewcomers = 1e6 * newcomerShare * bound
        if byNewcomers <= collateralLimit { return byNewcomers }
        if sum.strange > 0 { return nil }
        // Few accounts may come in with it all day long: they are known, and there are not more newcomers for it. Accounts and newcomers count
        // alike then; where none of very many newcomers had it, what is expected decides and not what can just be excluded.
        let people = table.accounts + totals.strange
        if sum.good > 0 && table.accounts >= 1_000 {
            let scale = 1e6 * newcomerShare
            let byAccounts = scale * TraitMiner.upperBound(sum.accounts, people)
            let isExpected = totals.strange >= 1_000 && scale * sum.accounts / people <= collateralLimit
            return byAccounts <= collateralLimit || isExpected ? byAccounts : nil
        }
        if sum.good > 0 { return nil }
        // Nobody at all came in with it: all who came in are the measure, not the newcomers alone.
        let all = totals.strange + totals.good
        let byAll = 1e6 * newcomerShare * 4.6 / all
        return byAll <= collateralLimit || all >= 3_000 ? byAll : nil
    }

    /// Familiar users who carry it of late beyond what they used to: a release of the application or a browser's update, not an attacker.
    private func growth(_ sum: Weights) -> Double {
        if totals.good == 0 { return 0 }
        return sum.familiar - sum.good / totals.good * totals.familiar * 1.5
    }

    /// The share below which the true one lies with 99 %, when `count` of `total` were seen.
    static func upperBound(_ count: Double, _ total: Double) -> Double {
        total <= 0 ? 1 : min(1, (count + 2.33 * count.squareRoot() + 4.6) / total)
    }
}
