// SPDX-License-Identifier: Apache-2.0

/// A signal without its lists: small, and nobody waits while it is copied. A value.
public struct SignalSummary: Sendable, Equatable {
    public var number: Int
    public var type: SignalType
    public var severity: Severity
    public var state: Signal.State
    public var openedAt: Double
    public var onset: Double
    public var attempts = 0
    public var stopped = 0
    public var withheld = 0
    /// How many there are.
    public var accounts = 0
    public var compromised = 0
    public var restraint = ""
    public var traits: [Signal.Trait] = []

    public init(
        number: Int, type: SignalType, severity: Severity, state: Signal.State, openedAt: Double, onset: Double
    ) {
        self.number = number
        self.type = type
        self.severity = severity
        self.state = state
        self.openedAt = openedAt
        self.onset = onset
    }
}

extension Signal {
    public var summary: SignalSummary {
        var summary = SignalSummary(
            number: number, type: type, severity: severity, state: state, openedAt: openedAt, onset: onset)
        summary.attempts = attempts
        summary.stopped = stopped
        summary.withheld = withheld
        summary.accounts = accounts.count
        summary.compromised = compromised.count
        summary.restraint = restraint
        summary.traits = traits
        return summary
    }
}
