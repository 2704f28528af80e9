// SPDX-License-Identifier: Apache-2.0
package import Logins
import Wire

/// What has been told of each signal and of whom, so that nothing is told twice, also after a restart. Confined to its owner.
package struct NoticeBook {
    /// What has been told of one signal.
    struct Told: Equatable {
        /// Of another time: the number was given anew.
        var openedAt: Int64
        var severity: Severity
        var isClosed = false
        /// How many of its accounts, in the signal's order.
        var accounts = 0
        var compromised = 0
    }

    /// Closed signals of which it is kept that they were told; people of whom it is kept that they were named, of each kind.
    static let closedLimit = 1_024
    static let peopleLimit = 65_536

    private(set) var told: [Int: Told] = [:]
    /// Who was named within the last day, or the last two.
    private var named: [NoticeKind: RecentKeys] = [:]
    private let host: String
    /// It differs from what was stored.
    package private(set) var isChanged = false

    package init(host: String) { self.host = host }

    // MARK: Signals

    /// What there is to tell of a signal that has changed.
    package mutating func take(_ signal: SignalSummary, id: String, now: Int64) -> [Notice] {
        let openedAt = Int64(signal.openedAt)
        var kinds: [NoticeKind] = []
        var entry: Told
        if let old = told[signal.number], old.openedAt == openedAt {
            entry = old
            if entry.isClosed { return [] }
            if signal.severity > entry.severity { kinds.append(.escalated) }
        } else {
            entry = Told(openedAt: openedAt, severity: signal.severity)
            kinds.append(.opened)
        }
        entry.severity = max(entry.severity, signal.severity)
        if signal.state == .closed {
            entry.isClosed = true
            kinds.append(.closed)
        }
        if told[signal.number] == entry { return [] }
        told[signal.number] = entry
        isChanged = true
        prune()
        return kinds.map { notice($0, signal, id, "\($0.rawValue)-\(signal.severity.text)", now) }
    }

    private func notice(_ kind: NoticeKind, _ signal: SignalSummary, _ id: String, _ what: String, _ now: Int64)
        -> Notice
    {
        let incident = "\(host)/\(id)/\(Int64(signal.openedAt))"
        var notice = Notice(
            kind, id: "\(incident)/\(what)", unixSeconds: now, host: host, signal: id, incident: incident,
            type: signal.type, severity: signal.severity)
        notice.attempts = signal.attempts
        notice.stopped = signal.stopped
        notice.withheld = signal.withheld
        notice.accounts = signal.accounts
        notice.compromised = signal.compromised
        notice.onset = Int64(signal.onset)
        notice.restraint = signal.restraint
        notice.traits = signal.traits.prefix(20).map { String($0.words.joined(separator: " and ").prefix(400)) }
        return notice
    }

    /// Keeps what is said of the newest of those that are over.
    private mutating func prune() {
        let over = told.filter(\.value.isClosed).keys.sorted()
        for number in over.dropLast(NoticeBook.closedLimit) { told[number] = nil }
    }

    // MARK: People

    /// Which of a signal's accounts nobody was told of: places in its lists. Empty before the signal itself was told.
    package func untold(_ signal: SignalSummary) -> (accounts: Range<Int>, compromised: Range<Int>) {
        guard let entry = told[signal.number], entry.openedAt == Int64(signal.openedAt) else { return (0..<0, 0..<0) }
        // A restart may have lost the newest of the lists; what comes then in their places is new.
        let accounts = min(entry.accounts, signal.accounts)
        let compromised = min(entry.compromised, signal.compromised)
        return (accounts..<signal.accounts, compromised..<signal.compromised)
    }

    /// Notices of these people of a signal, whom `untold` named; those who were named a short while ago are left out.
    package mutating func name(
        _ kind: NoticeKind, _ people: [(account: UInt64, person: Notice.Person)], through end: Int,
        of signal: SignalSummary,
        id: String, now: Int64
    ) -> [Notice] {
        guard var entry = told[signal.number] else { return [] }
        if kind == .compromised { entry.compromised = end } else { entry.accounts = end }
        told[signal.number] = entry
        isChanged = true
        var fresh: [Notice.Person] = []
        for (account, person) in people
        where named[kind, default: RecentKeys(limit: NoticeBook.peopleLimit)].insert(account, now) {
            fresh.append(person)
        }
        return stride(from: 0, to: fresh.count, by: Notice.peopleLimit).map { start in
            let last = min(fresh.count, start + Notice.peopleLimit)
            var notice = notice(kind, signal, id, "\(kind.rawValue)-\(end - fresh.count + start)-\(end)", now)
            notice.people = Array(fresh[start..<last])
            return notice
        }
    }

    // MARK: The disk

    /// As lines of text: signals, and people who were taken. Marks it as stored.
    package mutating func store() -> [UInt8] {
        isChanged = false
        var text = ""
        for (number, entry) in told.sorted(by: { $0.key < $1.key }) {
            text +=
                "signal \(number) \(entry.openedAt) \(entry.severity.rawValue) \(entry.isClosed ? 1 : 0) "
                + "\(entry.accounts) \(entry.compromised)\n"
        }
        for (account, time) in named[.compromised]?.newest(16_384) ?? [] { text += "taken \(account) \(time)\n" }
        return Array(text.utf8)
    }

    /// What an earlier run has stored; lines that say nothing are passed over.
    package mutating func load(_ bytes: [UInt8]) {
        for line in bytes.split(separator: 10) {
            let words = String(decoding: line, as: UTF8.self).split(separator: " ")
            let numbers = words.dropFirst().compactMap { Int64($0) }
            if words.first == "signal", numbers.count == 6, let severity = Severity(rawValue: Int(numbers[2])) {
                told[Int(numbers[0])] = Told(
                    openedAt: numbers[1], severity: severity, isClosed: numbers[3] == 1,
                    accounts: max(0, Int(numbers[4])), compromised: max(0, Int(numbers[5])))
            } else if words.first == "taken", words.count == 3, let account = UInt64(words[1]),
                let time = Int64(words[2])
            {
                _ = named[.compromised, default: RecentKeys(limit: NoticeBook.peopleLimit)].insert(account, time)
            }
        }
    }
}

/// Keys that came within the last day, bounded: two generations, of which the older goes as a whole. A value.
struct RecentKeys {
    private static let span: Int64 = 86_400
    private let limit: Int
    private var young: [UInt64: Int64] = [:]
    private var old: [UInt64: Int64] = [:]

    init(limit: Int) { self.limit = limit }

    /// True when it did not come within the last day.
    mutating func insert(_ key: UInt64, _ now: Int64) -> Bool {
        if let last = young[key] ?? old[key], now - last < RecentKeys.span { return false }
        if young.count >= limit {
            old = young
            young = [:]
        }
        young[key] = now
        return true
    }

    func newest(_ count: Int) -> [(UInt64, Int64)] {
        let all = young.merging(old) { max($0, $1) }
        return all.sorted { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }.prefix(count).map {
            ($0.key, $0.value)
        }
    }
}
