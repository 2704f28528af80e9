// SPDX-License-Identifier: Apache-2.0
import Admin
import Archive
import Lists
import Proxy
import Rules
import Wire

/// What the admin side asks of the lists: shows them, changes them, says what an entry would have stopped. A value for one question.
struct ListActions {
    let lists: RunTimeLists
    let policy: Policy
    let archive: EventStore?
    let loops: LoopSet

    private static let mostShown = 1_000_000

    func answer(_ question: ListQuestion) -> Result<[UInt8], AdminTrouble> {
        guard let list = ListName(word: question.list) else {
            return .failure(AdminTrouble(status: 400, "list must be deny or allow"))
        }
        if question.verb == .show { return show(list, question.parameters) }
        var entries: [ListEntry] = []
        var problems: [String] = []
        for (number, line) in question.body.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
            let bytes = Array(line)
            do throws(ListMistake) {
                if var entry = try DenylistReader.readLine(bytes.span) {
                    complete(&entry)
                    entries.append(entry)
                }
            } catch {
                problems.append("line \(number + 1): \(error.what)" + (error.hint.map { " (\($0))" } ?? ""))
            }
        }
        if !problems.isEmpty {
            return .failure(AdminTrouble(status: 400, "no entry was taken", Array(problems.prefix(100))))
        }
        if entries.isEmpty { return .failure(AdminTrouble(status: 400, "no entry was given")) }
        return change(list, question, entries)
    }

    /// What the caller left open. Texts that are too long are cut, as everywhere in the journal.
    private func complete(_ entry: inout ListEntry) {
        if entry.time == 0 { entry.time = Clock.unixSeconds }
        if entry.source.isEmpty { entry.source = Array("admin".utf8) }
        entry.reason = Array(entry.reason.prefix(RunTimeLists.reasonBytes))
        entry.source = Array(entry.source.prefix(RunTimeLists.sourceBytes))
    }

    private func change(
        _ list: ListName, _ question: ListQuestion, _ entries: [ListEntry]
    ) -> Result<[UInt8], AdminTrouble> {
        for entry in entries {
            if case .text(let kind, _) = entry.subject, kind == .asn || kind == .country {
                return .failure(
                    AdminTrouble(
                        status: 400, "\(kind.word)= needs a database of networks, and none is configured"))
            }
        }
        do throws(ListRefusal) {
            switch question.verb {
            case .add: try lists.add(entries, to: list)
            case .remove: try lists.remove(entries.map(\.subject), from: list)
            case .extend: try lists.extend(entries.map { ($0.subject, $0.expires) }, in: list)
            case .preview:
                let hours = question.parameters["hours"].flatMap { Int64($0) } ?? 24
                return ListPreview(entries: entries, archive: archive, hours: min(max(1, hours), 24 * 366)).answer()
            case .show: break
            }
        } catch {
            return .failure(trouble(error))
        }
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("changed")
        writer.number(Int64(entries.count))
        writer.key("in_force")
        // Every loop has said so, unless one of them is stuck.
        writer.boolean(loops.settle())
        writer.endObject()
        return .success(writer.bytes)
    }

    private func trouble(_ refusal: ListRefusal) -> AdminTrouble {
        switch refusal {
        case .full: return AdminTrouble(status: 507, refusal.description)
        case .disk: return AdminTrouble(status: 500, refusal.description)
        case .absent(let subjects):
            let inFiles = subjects.contains { subject in
                [policy.denylist, policy.allowlist].contains { list in holds(list, subject) }
            }
            return AdminTrouble(
                status: 404, refusal.description + (inFiles ? "; what stands in a file is taken out there" : ""))
        }
    }

    private func holds(_ list: Denylist, _ subject: ListSubject) -> Bool {
        switch subject {
        case .network(let prefix): list.find(address: prefix.address, now: 0) != nil
        case .text(let kind, let value): list.find(kind, value.span, now: 0) != nil
        }
    }

    // MARK: Showing

    private func show(_ list: ListName, _ parameters: [String: String]) -> Result<[UInt8], AdminTrouble> {
        let now = Clock.unixSeconds
        var limit = 1_000
        if let text = parameters["limit"] {
            guard let number = Int(text), number > 0, number <= ListActions.mostShown else {
                return .failure(AdminTrouble(status: 400, "limit must be a number from 1 to \(ListActions.mostShown)"))
            }
            limit = number
        }
        var wanted: ListSubject?
        if let text = parameters["match"] {
            switch ListSubject.parse(text.utf8.span) {
            case .failure(let mistake): return .failure(AdminTrouble(status: 400, mistake.what))
            case .success(let subject): wanted = subject
            }
        }
        let base = list == .deny ? policy.denylist : policy.allowlist
        var found = lists.entries(of: list, now: now).filter { ListActions.matches($0, wanted) }
        let total = found.count
        found = Array(found.prefix(limit))
        let overlay = found.count
        if parameters["files"] == "1" && found.count < limit {
            base.forEach { entry in
                if entry.expires > now && ListActions.matches(entry, wanted) { found.append(entry) }
                return found.count < limit
            }
        }
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("list")
        writer.string(list.word)
        writer.key("overlay_entries")
        writer.number(Int64(total))
        writer.key("file_entries")
        writer.number(Int64(base.count))
        writer.key("entries")
        writer.beginArray()
        for (number, entry) in found.enumerated() { entry.write(to: &writer, isOverlay: number < overlay) }
        writer.endArray()
        writer.endObject()
        return .success(writer.bytes)
    }

    /// Whether an entry stands against what somebody asks for: the same text, or a network that holds the asked one or lies in it.
    private static func matches(_ entry: ListEntry, _ wanted: ListSubject?) -> Bool {
        guard let wanted else { return true }
        if case .network(let asked) = wanted, case .network(let own) = entry.subject {
            return own.length <= asked.length ? own.contains(asked.address) : asked.contains(own.address)
        }
        return entry.subject == wanted
    }

    // MARK: Metrics

    static func families(_ counts: RunTimeLists.Counts, _ policy: Policy) -> [MetricFamily] {
        var entries = MetricFamily("loginward_list_entries", .gauge, "Entries of the lists, from files and of the run.")
        entries.add([("list", "deny"), ("origin", "file")], Double(policy.denylist.count))
        entries.add([("list", "allow"), ("origin", "file")], Double(policy.allowlist.count))
        entries.add([("list", "deny"), ("origin", "overlay")], Double(counts.deny))
        entries.add([("list", "allow"), ("origin", "overlay")], Double(counts.allow))
        return [
            entries,
            MetricFamily(
                "loginward_list_overlay_limit", .gauge, "The most entries that may be added at run time.",
                value: Double(counts.limit)),
            MetricFamily(
                "loginward_list_refused_entries_total", .counter, "Entries that a full overlay refused.",
                value: Double(counts.refused)),
            MetricFamily(
                "loginward_list_journal_errors_total", .counter, "Changes that the journal of the lists did not take.",
                value: Double(counts.failures)),
        ]
    }
}

extension ListEntry {
    /// As an object of an answer or an export.
    func write(to writer: inout JSONWriter, isOverlay: Bool?) {
        writer.beginObject()
        writer.key("value")
        writer.string("\(subject)")
        if expires < .max {
            writer.key("expires")
            writer.string(ListEntry.time(expires))
        }
        if !reason.isEmpty {
            writer.key("reason")
            writer.string(reason.span)
        }
        if !source.isEmpty {
            writer.key("source")
            writer.string(source.span)
        }
        if time > 0 {
            writer.key("time")
            writer.string(ListEntry.time(time))
        }
        if isMonitored {
            writer.key("mode")
            writer.string("monitored")
        }
        if let isOverlay {
            writer.key("origin")
            writer.string(isOverlay ? "overlay" : "file")
        }
        writer.endObject()
    }
}
