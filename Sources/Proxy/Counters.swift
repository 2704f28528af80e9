// SPDX-License-Identifier: Apache-2.0
import HTTP2
import Wire

/// What one worker counted since it started. Confined; the admin side gets copies through the loop's mailbox.
package struct Counters: Sendable {
    /// Upper bounds of the duration histogram in microseconds; above the last is +Inf.
    package static let durationBounds: [UInt64] = [
        100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
        10_000_000,
    ]

    /// Requests by service slot and outcome: `slot * Exchange.Outcome.allCases.count + outcome`. Slot 0 is "no service".
    package private(set) var requests: [UInt64] = []
    /// Logins by service slot and outcome (success, failure, unknown, blocked).
    package private(set) var logins: [UInt64] = []
    package private(set) var refusals = [UInt64](repeating: 0, count: Refusal.all.count)
    package private(set) var ruleMatches: [UInt64] = []
    package private(set) var durations = [UInt64](repeating: 0, count: durationBounds.count + 1)
    package private(set) var durationMicroseconds: UInt64 = 0
    package var accepted: UInt64 = 0
    package var open: UInt64 = 0
    package var acceptPaused: UInt64 = 0
    /// Connections that only waited and made room for others.
    package var evicted: UInt64 = 0
    package var bytesIn: UInt64 = 0
    package var bytesOut: UInt64 = 0
    package var upstreamConnections: UInt64 = 0
    package var upstreamErrors: UInt64 = 0
    package var upstreamRetries: UInt64 = 0
    package var serversPutAside: UInt64 = 0
    package var prefaceErrors: UInt64 = 0
    package var handshakeErrors: UInt64 = 0
    package var denylistHits: UInt64 = 0
    package var uninspectedBodies: UInt64 = 0
    /// Requests that a rule wanted to wait and that found no place.
    package var undelayed: UInt64 = 0
    /// Login attempts that the detection refused, whose success it held back, and that the service was to ask for more.
    package var attackBlocks: UInt64 = 0
    package var withheldLogins: UInt64 = 0
    package var challengedLogins: UInt64 = 0
    /// Requests that were answered as the service answers a failed login.
    package var mimickedLogins: UInt64 = 0
    package var eventsDropped: UInt64 = 0
    /// Events that are no attempts: sign-ups, resets, what an application made up.
    package var accountEvents: UInt64 = 0
    /// Fields in which an application reported something that is no event.
    package var unreadableReports: UInt64 = 0

    package var http2Connections: UInt64 = 0
    package var http2Streams: UInt64 = 0
    /// Requests on HTTP/2 that were so wrong that only their stream was reset.
    package var http2Malformed: UInt64 = 0
    /// HTTP/2 connections that were ended because they sent too much of one thing, by `Flood`.
    package internal(set) var http2Floods = [UInt64](repeating: 0, count: Flood.allCases.count)

    package static let loginOutcomes = ["success", "failure", "unknown", "blocked"]

    package init() {}

    /// Makes room for `services` slots (with slot 0) and `rules` slots. Counts are kept: slots never change their meaning.
    package mutating func grow(services: Int, rules: Int) {
        let width = Exchange.Outcome.allCases.count
        while requests.count < services * width { requests.append(0) }
        while logins.count < services * Self.loginOutcomes.count { logins.append(0) }
        while ruleMatches.count < rules { ruleMatches.append(0) }
    }

    mutating func countRequest(slot: Int, _ outcome: Exchange.Outcome, microseconds: UInt64) {
        requests[slot * Exchange.Outcome.allCases.count + Int(outcome.rawValue)] += 1
        durationMicroseconds += microseconds
        let bounds = Self.durationBounds.span
        var bucket = 0
        while bucket < bounds.count && microseconds > bounds[bucket] { bucket += 1 }
        durations[bucket] += 1
    }

    mutating func countLogin(slot: Int, outcome: Int) { logins[slot * Self.loginOutcomes.count + outcome] += 1 }

    mutating func countRefusal(_ refusal: Refusal) { refusals[refusal.counter] += 1 }

    mutating func countFlood(_ flood: Flood) { http2Floods[Int(flood.rawValue)] += 1 }

    mutating func countRule(slot: Int) { ruleMatches[slot] += 1 }

    /// Adds another worker's counts.
    package mutating func add(_ other: Counters) {
        Counters.add(&requests, other.requests)
        Counters.add(&logins, other.logins)
        Counters.add(&refusals, other.refusals)
        Counters.add(&ruleMatches, other.ruleMatches)
        Counters.add(&durations, other.durations)
        durationMicroseconds += other.durationMicroseconds
        accepted += other.accepted
        open += other.open
        acceptPaused += other.acceptPaused
        evicted += other.evicted
        bytesIn += other.bytesIn
        bytesOut += other.bytesOut
        upstreamConnections += other.upstreamConnections
        upstreamErrors += other.upstreamErrors
        upstreamRetries += other.upstreamRetries
        serversPutAside += other.serversPutAside
        prefaceErrors += other.prefaceErrors
        handshakeErrors += other.handshakeErrors
        denylistHits += other.denylistHits
        uninspectedBodies += other.uninspectedBodies
        undelayed += other.undelayed
        attackBlocks += other.attackBlocks
        withheldLogins += other.withheldLogins
        challengedLogins += other.challengedLogins
        mimickedLogins += other.mimickedLogins
        eventsDropped += other.eventsDropped
        accountEvents += other.accountEvents
        unreadableReports += other.unreadableReports
        http2Connections += other.http2Connections
        http2Streams += other.http2Streams
        http2Malformed += other.http2Malformed
        Counters.add(&http2Floods, other.http2Floods)
    }

    private static func add(_ left: inout [UInt64], _ right: [UInt64]) {
        while left.count < right.count { left.append(0) }
        for index in right.indices { left[index] += right[index] }
    }

    /// Labels of `requests`' outcomes, in order.
    package static let outcomes = ["allow", "block", "monitor", "refuse", "fail"]
    /// Labels of `refusals`, in order.
    package static var floodLabels: [String] { Flood.allCases.map { "\($0.label)" } }
    package static var refusalReasons: [String] { Refusal.all.map { "\($0.reason)" } }
}
