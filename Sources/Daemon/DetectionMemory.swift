// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Glibc
import Logins
import Proxy
import Wire

/// The detection's state in the state directory: the key of its hashes, and what it knows of people and attacks. Written every five minutes and
/// at the end; what cannot be read is set aside and said, never thrown away in silence. Any thread.
final class DetectionMemory: Sendable {
    let ledger: AttemptLedger
    private let path: String
    private let log: Logs
    private let disk = DispatchQueue(label: "loginward.detection.state")
    private let ticker = Ticker(label: "loginward.detection.saving")

    /// Whoever holds it can tell which account a hash stands for, so nobody else may read it.
    private static let keyMode: mode_t = 0o600
    private static let period = 300_000

    init(stateDirectory: String, settings: DetectionSettings, log: Logs) {
        self.log = log
        path = "\(stateDirectory)/detection.state"
        let seed = DetectionMemory.key("\(stateDirectory)/detection.key", log)
        guard case .success(let bytes) = FileAccess.read(path), !bytes.isEmpty else {
            ledger = AttemptLedger(settings: settings, seed: seed, unixSeconds: Clock.unixSeconds)
            return
        }
        do throws(StateProblem) {
            ledger = try AttemptLedger(
                restoring: bytes, settings: settings, seed: seed, unixSeconds: Clock.unixSeconds)
        } catch {
            ledger = AttemptLedger(settings: settings, seed: seed, unixSeconds: Clock.unixSeconds)
            let aside = path + ".unreadable"
            _ = unsafe rename(path, aside)
            log.error(
                "what the detection knew cannot be read and is set aside: everybody is a stranger once",
                ["path": aside, "problem": "\(error)"])
        }
    }

    func start() { ticker.start(everyMilliseconds: Self.period) { [self] in disk.async { [self] in save() } } }

    func stop() {
        ticker.stop()
        disk.sync { save() }
    }

    private func save() {
        let bytes = ledger.snapshot()
        let draft = path + ".new"
        guard FileAccess.write(bytes, to: draft) else {
            log.error("cannot keep what the detection knows", ["path": draft])
            return
        }
        if unsafe rename(draft, path) != 0 { log.error("cannot keep what the detection knows", ["path": path]) }
    }

    /// The key of this installation, made when there is none.
    private static func key(_ path: String, _ log: Logs) -> UInt64 {
        if case .success(let bytes) = FileAccess.read(path),
            let key = UInt64(String(decoding: bytes.prefix { $0 != 10 }, as: UTF8.self), radix: 16)
        {
            return key
        }
        let key = UInt64.random(in: 1 ... .max)
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, keyMode)
        if descriptor < 0 {
            log.error("cannot keep the key of the detection: what it learns ends with this run", ["path": path])
            return key
        }
        Terminal.write(Array((String(key, radix: 16) + "\n").utf8), to: descriptor)
        _ = close(descriptor)
        return key
    }
}
