// SPDX-License-Identifier: Apache-2.0

/// What kind of attack a signal tells of. The names are those of the field.
public enum SignalType: String, Sendable, CaseIterable {
    case bruteforce
    case credentialStuffing = "credential_stuffing"
    case distributedCredentialStuffing = "distributed_credential_stuffing"
    case passwordSpraying = "password_spraying"
    case userEnumeration = "user_enumeration"
    /// Stuffing that stays below every rate, for hours.
    case slow
    /// Which accounts are there? Asked of the reset and sign-up pages.
    case recon
}

/// How bad it is. Low: failed, contained, or on accounts that do not exist. Medium: sustained, on existing accounts. High: no safe way to stop
/// it, or ten times the usual failures. Critical: accounts were taken.
public enum Severity: Int, Sendable, Comparable, CaseIterable {
    case low, medium, high, critical

    public var text: String {
        switch self {
        case .low: "low"
        case .medium: "medium"
        case .high: "high"
        case .critical: "critical"
        }
    }

    public static func < (left: Severity, right: Severity) -> Bool { left.rawValue < right.rawValue }
}

/// One attack, from its first attempt to its end: a growing object and not a stream of alerts. Owned by the detector.
public struct Signal: Sendable {
    public enum State: String, Sendable {
        case open, updated, closed
    }

    /// What isolates the attacker, in words and in figures.
    public struct Trait: Sendable, Equatable {
        public var words: [String]
        public var share: Double
        public var lift: Double
        /// Legitimate logins in a million that refusing it hits.
        public var collateral: Double
    }

    /// Evidence and accounts that are kept of one signal; what is more is only counted.
    static let evidenceLimit = 262_144
    static let accountLimit = 1 << 20

    public let number: Int
    public internal(set) var type: SignalType
    public internal(set) var severity: Severity
    public internal(set) var state = State.open
    public let openedAt: Double
    public internal(set) var updatedAt: Double
    /// When the first attempt that belongs to it came.
    public internal(set) var onset: Double
    /// Numbers of attempts.
    public internal(set) var evidence: [UInt64] = []
    /// Hashes of accounts, in the order of their first attempt.
    public internal(set) var accounts: [UInt64] = []
    public internal(set) var compromised: [UInt64] = []
    public internal(set) var traits: [Trait] = []
    public internal(set) var attempts = 0
    public internal(set) var unknownAttempts = 0
    public internal(set) var stopped = 0
    public internal(set) var withheld = 0
    /// Automatic blocks hold back, and why; empty when they do not.
    public internal(set) var restraint = ""
    var accountSet: Set<UInt64> = []
    /// Networks and items by which a later attack is known as this one.
    var networks: Set<UInt64> = []
    var items: Set<UInt64> = []
    static let networkLimit = 4_096
    var compromisedSet: Set<UInt64> = []
    var reportedAt = -Double.infinity
    /// Accounts that the last report named: a list is told again when it has grown by half.
    var reportedAccounts = 0
    var isChanged = false
    /// Its guesses were compared with each other and are different ones.
    var tellsGuesses = false

    init(number: Int, type: SignalType, severity: Severity, now: Double, onset: Double) {
        self.number = number
        self.type = type
        self.severity = severity
        openedAt = now
        updatedAt = now
        self.onset = onset
    }

    /// An attempt that belongs to it.
    mutating func add(_ number: UInt64, account: UInt64, unknown: Bool, now: Double) {
        attempts += 1
        if unknown { unknownAttempts += 1 }
        updatedAt = max(updatedAt, now)
        if evidence.count < Signal.evidenceLimit { evidence.append(number) }
        if account != 0, accountSet.count < Signal.accountLimit, accountSet.insert(account).inserted {
            accounts.append(account)
        }
    }

    mutating func compromise(_ account: UInt64) -> Bool {
        if account == 0 || !compromisedSet.insert(account).inserted { return false }
        compromised.append(account)
        severity = .critical
        return true
    }

    /// It grows no more.
    mutating func forgetSets() {
        accountSet = []
        compromisedSet = []
        networks = []
        items = []
    }

    /// A day later it was told: only its summary stays.
    mutating func forgetLists() {
        evidence = []
        accounts = []
    }

    /// Nearly all of it is aimed at accounts that do not exist.
    var isHarmless: Bool { attempts > 0 && Double(unknownAttempts) >= 0.95 * Double(attempts) && compromised.isEmpty }
}

// MARK: State

extension Signal {
    /// Accounts and numbers of evidence that are written; of a closed signal none.
    private static let savedLimit = 65_536

    func save(to body: inout StateWriter) {
        let isClosed = state == .closed
        body.put(UInt8(clamping: SignalType.allCases.firstIndex(of: type) ?? 0))
        body.put(UInt8(clamping: severity.rawValue))
        body.put(isClosed ? 0 : state == .open ? 1 : 2 as UInt8)
        for value in [openedAt, updatedAt, onset, reportedAt] { body.put(value) }
        for count in [attempts, unknownAttempts, stopped, withheld] { body.put(Int64(count)) }
        body.put(isClosed ? [] : Array(restraint.utf8))
        body.put(isClosed ? [] : evidence.suffix(Signal.savedLimit))
        body.put(isClosed ? [] : accounts.suffix(Signal.savedLimit))
        body.put(isClosed ? [] : compromised.suffix(Signal.savedLimit))
        body.put(isClosed ? [] : networks.sorted())
        body.put(isClosed ? [] : items.sorted())
        body.put(count: isClosed ? 0 : traits.count)
        for trait in isClosed ? [] : traits {
            body.put(count: trait.words.count)
            for word in trait.words { body.put(Array(word.utf8)) }
            for value in [trait.share, trait.lift, trait.collateral] { body.put(value) }
        }
    }

    init(number: Int, from body: inout StateReader) throws(StateProblem) {
        let kind = Int(try body.number(UInt8.self))
        guard kind < SignalType.allCases.count, let severity = Severity(rawValue: Int(try body.number(UInt8.self)))
        else {
            throw .damaged
        }
        let life = try body.number(UInt8.self)
        let openedAt = try body.real()
        let updatedAt = try body.real()
        let onset = try body.real()
        self.init(number: number, type: SignalType.allCases[kind], severity: severity, now: openedAt, onset: onset)
        self.updatedAt = updatedAt
        state = life == 0 ? .closed : life == 1 ? .open : .updated
        reportedAt = try body.real()
        attempts = min(1 << 60, max(0, Int(clamping: try body.number(Int64.self))))
        unknownAttempts = min(1 << 60, max(0, Int(clamping: try body.number(Int64.self))))
        stopped = min(1 << 60, max(0, Int(clamping: try body.number(Int64.self))))
        withheld = min(1 << 60, max(0, Int(clamping: try body.number(Int64.self))))
        restraint = String(decoding: try body.text(4_096), as: UTF8.self)
        evidence = try body.words(Signal.savedLimit)
        accounts = try body.words(Signal.savedLimit)
        compromised = try body.words(Signal.savedLimit)
        accountSet = Set(accounts)
        compromisedSet = Set(compromised)
        networks = Set(try body.words(1 << 20))
        items = Set(try body.words(1 << 20))
        for _ in 0..<(try body.count(4_096, width: 28)) {
            var words: [String] = []
            for _ in 0..<(try body.count(16, width: 4)) {
                words.append(String(decoding: try body.text(1 << 20), as: UTF8.self))
            }
            traits.append(
                Trait(words: words, share: try body.real(), lift: try body.real(), collateral: try body.real()))
        }
        reportedAccounts = accounts.count + compromised.count
    }
}
