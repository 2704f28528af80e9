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

    private static let period = 300_000

    init(stateDirectory: String, settings: DetectionSettings, log: Logs) {
        self.log = log
        path = "\(stateDirectory)/detection.state"
        let key = KeyFile.read("\(stateDirectory)/detection.key", bytes: 8, log)
        let seed = key.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let devices = DeviceTokens(
            key: KeyFile.read("\(stateDirectory)/device.key", bytes: DeviceTokens.keyBytes, log))
        guard case .success(let bytes) = FileAccess.read(path), !bytes.isEmpty else {
            ledger = AttemptLedger(settings: settings, seed: seed, devices: devices, unixSeconds: Clock.unixSeconds)
            return
        }
        do throws(StateProblem) {
            ledger = try AttemptLedger(
                restoring: bytes, settings: settings, seed: seed, devices: devices, unixSeconds: Clock.unixSeconds)
        } catch {
            ledger = AttemptLedger(settings: settings, seed: seed, devices: devices, unixSeconds: Clock.unixSeconds)
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
}
