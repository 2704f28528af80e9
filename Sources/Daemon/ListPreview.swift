// SPDX-License-Identifier: Apache-2.0
import Admin
import Archive
import Logins
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
            let clients = try entries.contains { $0.isNetwork } ? tally(.clientIP, nil, archive, since) : []
            for entry in entries { counts.append(try count(entry, clients, archive, since)) }
        } catch {
            return .failure(AdminTrouble(status: 500, error.description))
        }
        return .success(write(counts))
    }

    private func count(
        _ entry: ListEntry, _ clients: [Tally], _ archive: EventStore, _ since: Int64
    ) throws(ArchiveFault) -> Count {
        var count = Count()
        switch entry.subject {
        case .network(let prefix):
            for row in clients {
                guard let client = row.client, prefix.contains(client),
                    client.isIPv4 == (prefix.address.isIPv4 && prefix.length >= 96)
                else { continue }
                add(row.event, row.count, to: &count)
            }
        case .text(let kind, let bytes):
            var fields: [EventField] = []
            switch kind {
            case .login: fields = [.login]
            case .userID: fields = [.userID]
            case .userAgent: fields = [.userAgent]
            case .fingerprint:
                fields = [
                    .fingerprintHTTP, .fingerprintHeader, .fingerprintNetwork, .fingerprintSession, .fingerprintHTTP2,
                    .fingerprintClient, .fingerprintJA4, .fingerprintJA3,
                ]
            case .session, .asn, .country: count.isUnknown = true
            }
            for field in fields {
                for row in try tally(field, bytes, archive, since) { add(row.event, row.count, to: &count) }
            }
        }
        return count
    }

    private struct Tally {
        var client: IPAddress?
        var event: String
        var count: Int
    }

    /// Events that were not blocked, by address and name; only those whose `field` is `value` when there is one.
    private func tally(
        _ field: EventField, _ value: [UInt8]?, _ archive: EventStore, _ since: Int64
    ) throws(ArchiveFault) -> [Tally] {
        var query = EventQuery()
        var tests: [EventFilter] = [
            .test(.time, .numbers(since * 1_000_000, .max)), .not(.test(.blocked, .flag(true))),
        ]
        if let value { tests.append(.test(field, .text(value))) }
        query.filter = .all(tests)
        var count = EventCount()
        count.keys = value == nil ? [.field(.event), .field(field)] : [.field(.event)]
        query.count = count
        return try archive.count(query).map { group in
            Tally(
                client: group.keys.count > 1 ? group.keys[1].flatMap { IPAddress($0.span) } : nil,
                event: String(decoding: group.keys[0] ?? [], as: UTF8.self), count: group.count)
        }
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
