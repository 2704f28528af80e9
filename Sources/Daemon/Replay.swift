// SPDX-License-Identifier: Apache-2.0
import Logins
import Wire

/// Why a replay ended early: the file, the line where there is one, and what is wrong.
struct ReplayTrouble: Error, CustomStringConvertible {
    var description: String
}

/// One run of the detection over files. Owned by the command.
struct Replay {
    private let settings: DetectionSettings
    private let detector: Detector
    private var verdicts: LineWriter
    private var signals: LineWriter
    /// Texts of the accounts, by hash, for the signals.
    private var names: [UInt64: [UInt8]] = [:]
    private var attempts = 0
    private var stopped = 0
    private var opened = 0

    /// The same input gives the same output: the key of the hashes is fixed here, and only here.
    private static let seed: UInt64 = 0x6c6f_6769_6e77_6172

    init(settings: DetectionSettings, verdicts: String, signals: String) throws(ReplayTrouble) {
        self.settings = settings
        detector = Detector(settings: settings, seed: Replay.seed)
        self.verdicts = try LineWriter(verdicts)
        self.signals = try LineWriter(signals)
    }

    var summary: String {
        "\(attempts) attempts, \(stopped) stopped, \(opened) signals"
    }

    // MARK: History

    mutating func remember(_ path: String) throws(ReplayTrouble) {
        var reader = try ReplayReader(path, deviceCookie: settings.deviceCookie, hash: detector.hash)
        while try reader.next() {
            guard let client = reader.client else { throw reader.trouble("client_ip is missing") }
            if reader.account == 0 { throw reader.trouble("usr.login is missing") }
            detector.remember(account: reader.account, client: client, device: reader.device, time: reader.time ?? 0)
        }
    }

    // MARK: Attempts

    mutating func play(_ path: String) throws(ReplayTrouble) {
        var reader = try ReplayReader(path, deviceCookie: settings.deviceCookie, hash: detector.hash)
        var line: UInt64 = 0
        while try reader.next() {
            guard let client = reader.client else { throw reader.trouble("client_ip is missing or no address") }
            guard let time = reader.time else { throw reader.trouble("time is missing or no number") }
            guard let succeeded = reader.succeeded else { throw reader.trouble("outcome must be success or failure") }
            var attempt = Attempt()
            attempt.time = time
            attempt.number = line
            attempt.client = client
            attempt.account = reader.account
            attempt.device = reader.device
            attempt.password = reader.password
            attempt.exists = reader.exists
            attempt.isReconnoitring = reader.isReconnoitring
            attempt.profile = detector.profile(of: reader.headers, tls: reader.tls.span, now: time)
            if names[attempt.account] == nil && attempt.account != 0 { names[attempt.account] = reader.login }
            judge(attempt, succeeded, line)
            line += 1
            attempts += 1
        }
        detector.finish()
        report()
        try verdicts.finish()
        try signals.finish()
    }

    private mutating func judge(_ attempt: Attempt, _ succeeded: Bool, _ line: UInt64) {
        var decision = detector.arrive(attempt)
        if decision.isForwarded {
            decision = detector.settle(attempt, decision, succeeded: succeeded)
        }
        if decision.action != .allow {
            stopped += 1
            verdicts.write(line: line, decision)
        }
        report()
    }

    private mutating func report() {
        for number in detector.takeChanges() {
            if detector.signals[number].state == .open { opened += 1 }
            signals.write(detector.signals[number], now: detector.signals[number].updatedAt, names)
        }
    }
}
