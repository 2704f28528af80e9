// SPDX-License-Identifier: Apache-2.0
import Wire

/// What the answers of one shape mean, with how sure that is.
public struct LearntOutcome: Equatable, Sendable {
    public var outcome: LoginOutcome
    /// 0 to 1. Below `OutcomeLearner.confidence` the outcome is unknown.
    public var confidence: Double
}

/// Everything learnt so far, for the loops: replaced whole, looked at for routes without outcome tests. Immutable.
public final class LearntOutcomes: Sendable {
    /// By `OutcomeLearner.key`.
    private let outcomes: [UInt64: LearntOutcome]

    public init(_ outcomes: [UInt64: LearntOutcome] = [:]) { self.outcomes = outcomes }

    /// What an answer of this shape means on a route. Of a shape that was never seen, what the shape alone says.
    public func read(_ shape: AnswerShape, service: Span<UInt8>, route: Span<UInt8>) -> LearntOutcome {
        if let known = outcomes[OutcomeLearner.key(StableHash.of(service, route), shape)] { return known }
        return shape.isBesides ? LearntOutcome(outcome: .unknown, confidence: 0) : OutcomeLearner.believe(shape.score)
    }
}

/// Tells success from failure on one route by the shapes of its answers and by what people do after them: who failed tries again at once. Owned by
/// the watch of its route, off the loops.
public struct OutcomeLearner: Sendable {
    /// From here on an outcome is believed.
    public static let confidence = 0.9
    /// Shapes that one route may have; the rarest makes room.
    static let shapeLimit = 32
    /// Attempts whose next attempt is waited for.
    private static let recentLimit = 512
    /// An attempt within so many seconds of the last one, for the same name, is a repetition.
    private static let patienceSeconds: Int64 = 120

    public struct Cluster: Sendable {
        public var shape: AnswerShape
        public var count: UInt64 = 0
        /// Attempts for the same name that followed soon after an answer of this shape.
        public var repeated: UInt64 = 0

        public init(shape: AnswerShape, count: UInt64 = 0, repeated: UInt64 = 0) {
            self.shape = shape
            self.count = count
            self.repeated = repeated
        }
    }

    private struct Recent: Sendable {
        var name: UInt64
        var shape: UInt64
        var seconds: Int64
    }

    public private(set) var clusters: [Cluster] = []
    private var recent: [Recent] = []
    private var nextRecent = 0

    public init(clusters: [Cluster] = []) { self.clusters = Array(clusters.prefix(Self.shapeLimit)) }

    static func key(_ route: UInt64, _ shape: AnswerShape) -> UInt64 {
        var hash = StableHash()
        hash.add(route)
        hash.add(shape.number)
        return hash.value
    }

    /// Counts one answer. `name` stands for who was tried.
    public mutating func take(_ shape: AnswerShape, name: UInt64, unixSeconds: Int64) {
        if shape.isBesides { return }
        if let index = recent.firstIndex(where: { $0.name == name }) {
            if unixSeconds - recent[index].seconds <= Self.patienceSeconds,
                let cluster = clusters.firstIndex(where: { $0.shape.number == recent[index].shape })
            {
                clusters[cluster].repeated += 1
            }
            recent[index] = Recent(name: name, shape: shape.number, seconds: unixSeconds)
        } else if recent.count < Self.recentLimit {
            recent.append(Recent(name: name, shape: shape.number, seconds: unixSeconds))
        } else {
            recent[nextRecent] = Recent(name: name, shape: shape.number, seconds: unixSeconds)
            nextRecent = (nextRecent + 1) % Self.recentLimit
        }
        if let index = clusters.firstIndex(where: { $0.shape == shape }) {
            clusters[index].count += 1
            return
        }
        if clusters.count >= Self.shapeLimit,
            let rarest = clusters.indices.min(by: { clusters[$0].count < clusters[$1].count })
        {
            clusters.remove(at: rarest)
        }
        clusters.append(Cluster(shape: shape, count: 1))
    }

    /// What a cluster means, from its shape and from behaviour.
    public func outcome(of cluster: Cluster) -> LearntOutcome {
        var score = cluster.shape.score
        if cluster.count >= 8 {
            let share = Double(cluster.repeated) / Double(cluster.count)
            let others = clusters.filter { $0.shape != cluster.shape && $0.count >= 8 }
            let highest = others.map { Double($0.repeated) / Double($0.count) }.max() ?? 0
            if share >= 0.5 { score -= 2 } else if share >= 0.25 { score -= 1 }
            // Where others are tried again and this one is not, this one is what people wanted.
            if share <= 0.05 && highest >= 0.25 { score += 2 }
        }
        return Self.believe(score)
    }

    /// Confidence 0.9 at a score of 2, 0.95 at 3, never 1. Too little of it is no answer.
    static func believe(_ score: Double) -> LearntOutcome {
        let confidence = 1 - 0.5 / (1 + score * score)
        if confidence < Self.confidence { return LearntOutcome(outcome: .unknown, confidence: confidence) }
        return LearntOutcome(outcome: score > 0 ? .success : .failure, confidence: confidence)
    }
}
