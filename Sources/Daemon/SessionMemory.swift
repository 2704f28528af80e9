// SPDX-License-Identifier: Apache-2.0
import Config
import Dispatch
import Glibc
import Logins
import Proxy
import Shipping
import Transport
import Wire

/// The sessions' file in the state directory: which user got which tokens, as keyed hashes, so that whoever is denied after a restart loses what he got
/// before it. Grants are appended within a fifth of a second and the file is written anew when it is more than twice what is live. Any thread.
final class SessionMemory: Sendable {
    let tokens: SessionTokens
    private let path: String
    private let log: Logs
    private let disk = DispatchQueue(label: "loginward.sessions.file")
    private let ticker = Ticker(label: "loginward.sessions.saving")
    private let state: Guarded<State>

    private struct State {
        var frames: Int
        /// How long a token is remembered, in seconds.
        var seconds: Int64
        var hasFailed = false
    }

    private static let period = 200
    private static let slack = 4_096

    init(stateDirectory: String, settings: SessionSettings, hash: KeyedHash, log: Logs) {
        self.log = log
        path = "\(stateDirectory)/sessions.journal"
        tokens = SessionTokens(hash: hash, limit: settings.users)
        var frames = 0
        if settings.isEnabled, case .success(let bytes) = FileAccess.read(path) {
            var damaged = 0
            let oldest = Clock.unixSeconds - settings.seconds
            for record in SessionMemory.records(bytes, &damaged) {
                frames += 1
                guard let grant = SessionRecord.read(record.span) else {
                    damaged += record.count
                    continue
                }
                if grant.unixSeconds >= oldest { tokens.restore(grant) }
            }
            if damaged > 0 {
                log.warning("the sessions' file held bytes that are no record", ["path": path, "bytes": "\(damaged)"])
            }
        }
        state = Guarded(State(frames: frames, seconds: settings.seconds))
    }

    private static func records(_ bytes: [UInt8], _ damaged: inout Int) -> [[UInt8]] {
        var records: [[UInt8]] = []
        var offset = 0
        while true {
            switch Frame.step(bytes.span, at: offset, isWhole: true) {
            case .record(_, let range, let next):
                records.append(Array(bytes[range.bounds]))
                offset = next
            case .damaged(let next):
                damaged += next - offset
                offset = next
            case .incomplete, .end: return records
            }
        }
    }

    func adopt(_ settings: SessionSettings) {
        tokens.changeLimit(to: settings.users)
        state.withLock { $0.seconds = settings.seconds }
    }

    /// The file begins anew, so that a torn end of the last run does not stand in front of what is appended.
    func start() {
        disk.async { [self] in rewrite() }
        ticker.start(everyMilliseconds: Self.period) { [self] in disk.async { [self] in save() } }
    }

    func stop() {
        ticker.stop()
        disk.sync { save() }
    }

    private func save() {
        let pending = tokens.takePending()
        if pending.grants.isEmpty { return }
        let frames = state.withLock { state in
            state.frames += pending.grants.count
            return state.frames
        }
        if !pending.isWhole || frames > 2 * tokens.userCount + Self.slack {
            rewrite()
            return
        }
        var bytes: [UInt8] = []
        for grant in pending.grants { bytes += Frame.write(SessionRecord.write(grant), sequence: 0) }
        do throws(DiskFault) {
            let file = try DiskFile.open(path, O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
            let result = DiskFile.write(file, bytes)
            let code = result.code != 0 ? result.code : fdatasync(file) != 0 ? errno : 0
            _ = close(file)
            if code != 0 { throw DiskFault("write", path, code) }
            told(nil)
        } catch {
            told(error)
        }
    }

    /// Puts what is live in place of everything that the file holds.
    private func rewrite() {
        let oldest = Clock.unixSeconds - state.withLock { $0.seconds }
        let grants = tokens.snapshot(since: oldest)
        var bytes: [UInt8] = []
        for grant in grants { bytes += Frame.write(SessionRecord.write(grant), sequence: 0) }
        do throws(DiskFault) {
            // Whoever reads it can tell who logs in here.
            _ = close(try DiskFile.open(path + ".new", O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600))
            try DiskFile.replace(path, with: bytes)
            state.withLock { $0.frames = grants.count }
            told(nil)
        } catch {
            told(error)
        }
    }

    /// Once when it begins, once when it is over.
    private func told(_ fault: DiskFault?) {
        let before = state.withLock { state in
            defer { state.hasFailed = fault != nil }
            return state.hasFailed
        }
        if let fault, !before {
            log.error(
                "cannot keep the sessions: what is given out now is forgotten at a restart", ["fault": "\(fault)"])
        } else if fault == nil && before {
            log.info("the sessions are kept again", ["path": path])
        }
    }
}

/// How a grant stands in the sessions' file: bytes of a fixed order. Pure.
enum SessionRecord {
    private static let version: UInt8 = 1

    static func write(_ grant: SessionGrant) -> [UInt8] {
        var out: [UInt8] = [version]
        number(UInt64(bitPattern: grant.unixSeconds), 8, to: &out)
        number(UInt64(grant.tokens.count), 1, to: &out)
        for token in grant.tokens { number(token, 8, to: &out) }
        for text in [grant.login, grant.userID] {
            let kept = text.prefix(Int(UInt16.max))
            number(UInt64(kept.count), 2, to: &out)
            out += kept
        }
        return out
    }

    /// nil: these bytes are no record.
    static func read(_ bytes: Span<UInt8>) -> SessionGrant? {
        var cursor = 1
        func number(_ count: Int) -> UInt64? {
            if bytes.count - cursor < count { return nil }
            var value: UInt64 = 0
            for index in 0..<count { value |= UInt64(bytes[cursor + index]) << UInt64(8 * index) }
            cursor += count
            return value
        }
        func text() -> [UInt8]? {
            guard let count = number(2).map({ Int($0) }), bytes.count - cursor >= count else { return nil }
            var out: [UInt8] = []
            out.append(bytes.extracting(cursor..<(cursor + count)))
            cursor += count
            return out
        }
        guard bytes.count > 0, bytes[0] == version, let time = number(8), let count = number(1), count > 0,
            count <= UInt64(SessionTokens.tokensPerUser)
        else { return nil }
        var tokens: [UInt64] = []
        for _ in 0..<count {
            guard let token = number(8) else { return nil }
            tokens.append(token)
        }
        guard let login = text(), let userID = text(), cursor == bytes.count, time <= UInt64(Int64.max) else {
            return nil
        }
        return SessionGrant(login: login, userID: userID, tokens: tokens, unixSeconds: Int64(time))
    }

    private static func number(_ value: UInt64, _ count: Int, to out: inout [UInt8]) {
        for index in 0..<count { out.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
    }
}
