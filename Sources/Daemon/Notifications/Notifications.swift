// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Glibc
import Logins
import Notify
import Proxy
import Shipping
import Transport
import Wire

/// Tells people and programs of attacks: notices go into a spool of their own and from there to every target, for as long as it takes. Owned by
/// `Outputs`; the detection queue hands in what happened, nothing here waits for a receiver.
final class Notifications: Sendable {
    /// Opened and not yet in use.
    struct Prepared {
        var targets: [NotificationTarget] = []
        var shipper: Shipper?
        var isNewShipper = false
    }

    private struct State {
        var targets: [NotificationTarget] = []
        /// Of each name, how often its target has changed.
        var revisions: [String: Int] = [:]
        var shipper: Shipper?
        var book: NoticeBook
        var logins = LastLogins()
    }

    /// Notices are some hundred bytes; those of an attack on half a million accounts fit.
    private static let spoolBytes = 64 << 20
    /// Accounts of one signal that are named in one turn, of each kind.
    private static let turnLimit = 4 * Notice.peopleLimit

    private let directory: String
    private let host: String
    private let log: Logs
    private let state: Guarded<State>
    private let tests = DispatchQueue(label: "loginward.notifications.test")
    private let disk = DispatchQueue(label: "loginward.notifications.told")

    init(stateDirectory: String, log: Logs) {
        directory = "\(stateDirectory)/notifications"
        self.log = log
        host = Host.name()
        var book = NoticeBook(host: host)
        if case .success(let bytes) = FileAccess.read("\(directory)/told") { book.load(bytes) }
        state = Guarded(State(book: book))
    }

    // MARK: Configuration

    /// Opens what `targets` need. Each call is followed by `adopt` or `discard`.
    func prepare(_ targets: [NotificationTarget]) throws(StartTrouble) -> Prepared {
        var prepared = Prepared(targets: targets, shipper: state.withLock { $0.shipper })
        if targets.isEmpty || prepared.shipper != nil { return prepared }
        do {
            let spool = try Spool(directory: directory, maximumBytes: Self.spoolBytes)
            let log = log
            prepared.shipper = Shipper(spool: spool, sinks: sinks(targets)) {
                log.fault("notifications", ["trouble": $0])
            }
            prepared.isNewShipper = true
            return prepared
        } catch {
            throw StartTrouble(
                "cannot use the state directory", ["path": directory, "fault": "\(error)"],
                (error as? DiskFault)?.code ?? EIO)
        }
    }

    func adopt(_ prepared: Prepared) {
        let sinks = sinks(prepared.targets)
        state.withLock { state in
            state.targets = prepared.targets
            state.shipper = prepared.shipper
        }
        if prepared.isNewShipper {
            prepared.shipper?.start()
        } else {
            prepared.shipper?.adopt(sinks, spoolBytes: Self.spoolBytes)
        }
    }

    func discard(_ prepared: Prepared) {
        if prepared.isNewShipper { prepared.shipper?.stop(deadline: .zero) }
    }

    /// One that did not change keeps its revision, so that its sender goes on undisturbed.
    private func sinks(_ targets: [NotificationTarget]) -> [SinkDescription] {
        targets.map { target in
            let revision = state.withLock { state in
                if state.targets.contains(where: { $0.name == target.name }), !state.targets.contains(target) {
                    state.revisions[target.name, default: 0] += 1
                }
                return state.revisions[target.name, default: 0]
            }
            return SinkDescription(
                name: target.name, kind: .messages(Self.form(target, revision)), flushInterval: .milliseconds(1),
                timeout: target.timeout, security: .init(caFile: target.caFile))
        }
    }

    private static func form(_ target: NotificationTarget, _ revision: Int) -> MessageForm {
        var way = MessageForm.Way.http(url: target.url)
        if case .email(let mailbox) = target.kind {
            let encryption: MailRoute.Encryption =
                switch mailbox.encryption {
                case .required: .required
                case .opportunistic: .opportunistic
                case .off: .off
                }
            way = .mail(
                MailRoute(
                    url: mailbox.server, from: mailbox.from, to: mailbox.to, user: mailbox.user,
                    password: mailbox.password, encryption: encryption))
        }
        return MessageForm(way: way, revision: revision) { record in
            target.message(for: record, unixSeconds: Clock.unixSeconds).map { message in
                OutgoingMessage(headers: message.fields.map { ($0.name, $0.value) }, body: message.body)
            }
        }
    }

    // MARK: What happens

    private var isIdle: Bool { state.withLock { $0.targets.isEmpty } }

    /// Who came in, and from where: what a service says of its accounts stands in no attempt that fails.
    func take(_ events: [LoginEvent]) {
        state.withLock { state in
            if state.targets.isEmpty { return }
            for event in events { state.logins.take(event) }
        }
    }

    /// A signal has changed.
    func take(_ signal: SignalSummary) {
        ship { state in
            state.book.take(signal, id: SignalReport.identifier(signal.number), now: Clock.unixSeconds)
        }
    }

    /// Names the people whom nobody was told of. Called every second.
    func look(_ ledger: AttemptLedger) {
        if isIdle { return }
        // The ledger is asked with a copy: two locks are never held at once.
        let book = state.withLock { $0.book }
        for found in ledger.people(limit: Self.turnLimit, { book.untold($0) }) {
            ship { state in
                var notices: [Notice] = []
                for (kind, list, end) in [
                    (NoticeKind.compromised, found.compromised, found.compromisedEnd),
                    (NoticeKind.targeted, found.accounts, found.accountsEnd),
                ] where !list.isEmpty {
                    let people = list.map { (account: $0.account, person: state.logins.person($0.name)) }
                    notices += state.book.name(
                        kind, people, through: end, of: found.signal,
                        id: SignalReport.identifier(found.signal.number), now: Clock.unixSeconds)
                }
                return notices
            }
        }
    }

    private func ship(_ make: @Sendable (inout State) -> [Notice]) {
        let (notices, targets, shipper) = state.withLock { state in
            state.targets.isEmpty ? ([], [], nil) : (make(&state), state.targets, state.shipper)
        }
        // What no target wants would only wear the disk.
        let wanted = notices.filter { notice in targets.contains { $0.wants(notice) } }
        if !wanted.isEmpty { shipper?.take(wanted.map(\.json)) }
        if state.withLock({ $0.book.isChanged }) { disk.async { [self] in keep() } }
    }

    /// Writes down what was told. The notices are in the spool by then, or nearly: a crash in between tells something twice and not never.
    private func keep() {
        let text = state.withLock { $0.book.isChanged ? $0.book.store() : nil }
        guard let text else { return }
        do throws(DiskFault) {
            try DiskFile.replace("\(directory)/told", with: text)
        } catch {
            log.error("cannot keep what was told", ["path": "\(directory)/told", "fault": "\(error)"])
        }
    }

    // MARK: For people

    /// Sends an invented notice to one target at once, beside the queue, and calls back with what is wrong, or nil.
    func test(_ name: String, _ completion: @escaping @Sendable (_ isKnown: Bool, _ trouble: String?) -> Void) {
        guard let target = state.withLock({ $0.targets.first { $0.name == name } }) else {
            completion(false, state.withLock { $0.targets.map(\.name) }.joined(separator: ", "))
            return
        }
        let notice = Notice.test(
            id: "\(host)/test/\(MonotonicTime.unixNanoseconds())", unixSeconds: Clock.unixSeconds, host: host)
        tests.async {
            let client = MessageClient(
                Self.form(target, 0), security: .init(caFile: target.caFile), timeout: target.timeout)
            completion(true, client.tryOnce(notice.json))
        }
    }

    var statistics: Shipper.Statistics? { state.withLock { $0.shipper }?.statistics }

    func stop(deadline: Duration) {
        disk.sync { keep() }
        state.withLock { $0.shipper }?.stop(deadline: deadline)
    }
}
