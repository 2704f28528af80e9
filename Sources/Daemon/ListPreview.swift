// SPDX-License-Identifier: Apache-2.0
import Admin
import Archive
import Rules
import Wire

/// What entries would have stopped of the archived login attempts of the last hours. A value for one question.
struct ListPreview {
    let entries: [ListEntry]
    let archive: EventStore?
    let hours: Int64

    /// The most entries that one preview looks for: each may be a walk through the archive.
    private static let mostEntries = 1_000

    private struct Count {
        var requests = 0
        var successes = 0
        /// The archive does not keep what this entry is about.
        var isUnknown = false
    }

    func answer() -> Result<[UInt8], AdminTrouble> {
        guard let archive else {
            return .failure(AdminTrouble(status: 404, "no archive is configured, so nothing is known of the past"))
        }
        if entries.count > ListPreview.mostEntries {
            return .failure(AdminTrouble(status: 413, "a preview takes at most \(ListPreview.mostEntries) entries"))
        }
        let since = Clock.unixSeconds - hours * 3_600
        var counts: [Count] = []
        do throws(ArchiveFault) {
            let networks = try entries.contains { $0.isNetwork } ? archive.tally(.client, since: since) : []
            let clients = networks.compactMap { row in IPAddress(row.value).map { ($0, row.event, row.count) } }
            for entry in entries { counts.append(try count(entry, clients, archive, since)) }
        } catch {
            return .failure(AdminTrouble(status: 500, error.description))
        }
        return .success(write(counts))
    }

    private func count(
        _ entry: ListEntry, _ clients: [(IPAddress, String, Int)], _ archive: EventStore, _ since: Int64
    ) throws(ArchiveFault) -> Count {
        var count = Count()
        switch entry.subject {
        case .network(let prefix):
            for (client, event, number) in clients
            where prefix.contains(client) && client.isIPv4 == (prefix.address.isIPv4 && prefix.length >= 96) {
                add(event, number, to: &count)
            }
        case .text(let kind, let bytes):
            let value = String(decoding: bytes, as: UTF8.self)
            var columns: [EventStore.Column] = []
            switch kind {
            case .login: columns = [.login]
            case .userID: columns = [.userID]
            case .userAgent: columns = [.userAgent]
            case .fingerprint:
                columns = ["http", "header", "network", "session", "http2", "client", "ja4", "ja3"].map {
                    EventStore.Column.fingerprint($0)
                }
            case .session, .asn, .country: count.isUnknown = true
            }
            for column in columns {
                for row in try archive.tally(column, equals: value, since: since) {
                    add(row.event, row.count, to: &count)
                }
            }
        }
        return count
    }

    private func add(_ event: String, _ number: Int, to count: inout Count) {
        count.requests += number
        if event == "users.login.success" { count.successes += number }
    }

    private func write(_ counts: [Count]) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("hours")
        writer.number(hours)
        writer.key("requests")
        writer.number(Int64(counts.reduce(0) { $0 + $1.requests }))
        writer.key("successful_logins")
        writer.number(Int64(counts.reduce(0) { $0 + $1.successes }))
        writer.key("entries")
        writer.beginArray()
        for (entry, count) in zip(entries, counts) {
            writer.beginObject()
            writer.key("value")
            writer.string("\(entry.subject)")
            if count.isUnknown {
                writer.key("unknown")
                writer.boolean(true)
            } else {
                writer.key("requests")
                writer.number(Int64(count.requests))
                writer.key("successful_logins")
                writer.number(Int64(count.successes))
            }
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }
}

extension ListEntry {
    fileprivate var isNetwork: Bool {
        if case .network = subject { return true }
        return false
    }
}
