// SPDX-License-Identifier: Apache-2.0

/// What the detection may do and when it speaks, from `detection:`. The defaults reach what `Tests/Detection` asks for.
public struct DetectionSettings: Sendable, Equatable {
    /// What is done about an attack that was found.
    public enum Response: String, Sendable, CaseIterable {
        /// Attempts that carry an attack's traits are refused.
        case block
        /// Only signals.
        case monitor
    }

    public var isEnabled = true
    public var response = Response.block
    /// Name of the cookie that tells a device, as the service or the gate sets it; lower and upper case count. Empty: none.
    public var deviceCookie = DeviceTokens.cookieName
    /// Distinct wrong passwords for one account from places it does not know, within two hours.
    public var guessesPerAccount = 11
    /// The same within a day.
    public var guessesPerDay = 30
    /// Whoever is refused is answered as the service answers a failed login, instead of by the block page.
    public var mimics = false
    /// Most legitimate logins that a block by traits may hit, in a million (at 99 % confidence).
    public var collateralLimit = 50.0
    /// Seconds that a block lasts after the last attempt that it stopped.
    public var blockSeconds = 900.0
    /// Unfamiliar attempts are asked to prove themselves while an attack without traits goes on.
    public var challenges = true
    /// Passwords of failures are compared through a keyed sketch in memory.
    public var comparesPasswords = true

    /// The gate sets the cookie itself.
    public var issuesDeviceCookie: Bool { deviceCookie == DeviceTokens.cookieName }

    public init() {}
}
