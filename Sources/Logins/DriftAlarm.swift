// SPDX-License-Identifier: Apache-2.0

/// Notices that an outcome which used to come does not come any more: a release of the application has changed its answers, and the tests, declared
/// or learnt, read them wrong. Owned by the watch of one route.
///
/// What is expected is the median share of many stretches of time, so that an attack, which fills a few of them, does not
/// change it.
public struct DriftAlarm: Sendable {
    /// So many of an outcome must be missing before it is said: by chance alone that happens once in 10^8 (Poisson, e^-20).
    public static let threshold = 20.0
    private static let stretches = 48
    private static let stretchSeconds: Int64 = 300
    private static let stretchEvents: UInt32 = 20
    /// Both outcomes must have been seen so often before their absence means anything.
    private static let known: UInt64 = 5

    public struct Alarm: Equatable, Sendable {
        public var missing: LoginOutcome
        /// When the last one was seen, seconds since 1970.
        public var since: Int64
        public var expected: Int
        /// Attempts seen meanwhile.
        public var attempts: Int
    }

    private struct Side: Sendable {
        var total: UInt64 = 0
        var lastSeen: Int64 = 0
        /// Attempts since the last one.
        var waited: UInt64 = 0
        var inStretch: UInt32 = 0
        /// Shares of the closed stretches.
        var shares: [Float] = []
        var next = 0

        mutating func close(_ events: UInt32) {
            let share = Float(inStretch) / Float(events)
            if shares.count < DriftAlarm.stretches {
                shares.append(share)
            } else {
                shares[next] = share
                next = (next + 1) % DriftAlarm.stretches
            }
            inStretch = 0
        }

        func share(of attempts: UInt64) -> Double {
            // The stretches that pass in silence are part of what is asked about: the wait is left out.
            if shares.count >= 5 { return Double(shares.sorted()[shares.count / 2]) }
            return attempts > waited ? Double(total) / Double(attempts - waited) : 0
        }
    }

    private var success = Side()
    private var failure = Side()
    private var attempts: UInt64 = 0
    private var stretchStart: Int64 = 0
    private var stretchCount: UInt32 = 0

    public init() {}

    /// Counts one attempt that reached the application.
    public mutating func take(_ outcome: LoginOutcome, unixSeconds: Int64) {
        attempts += 1
        stretchCount += 1
        success.waited += 1
        failure.waited += 1
        switch outcome {
        case .success: Self.see(&success, unixSeconds)
        case .failure: Self.see(&failure, unixSeconds)
        case .unknown: break
        }
        if unixSeconds - stretchStart >= Self.stretchSeconds && stretchCount >= Self.stretchEvents {
            // A stretch without any is the question and not the rule.
            if failure.inStretch > 0 { failure.close(stretchCount) }
            if success.inStretch > 0 { success.close(stretchCount) }
            failure.inStretch = 0
            success.inStretch = 0
            stretchStart = unixSeconds
            stretchCount = 0
        }
    }

    private static func see(_ side: inout Side, _ unixSeconds: Int64) {
        side.total += 1
        side.inStretch += 1
        side.lastSeen = unixSeconds
        side.waited = 0
    }

    /// What is missing now, if anything is.
    public var alarm: Alarm? {
        for (side, outcome) in [(failure, LoginOutcome.failure), (success, .success)] where side.total >= Self.known {
            let expected = Double(side.waited) * side.share(of: attempts)
            if expected >= Self.threshold {
                return Alarm(
                    missing: outcome, since: side.lastSeen, expected: Int(expected), attempts: Int(side.waited))
            }
        }
        return nil
    }
}
