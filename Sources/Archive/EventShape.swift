// SPDX-License-Identifier: Apache-2.0
import Logins
import Wire

/// What an event has in common with others: everything but whose it is, where it came from, and when. A row of `shapes`. A value.
struct EventShape: Hashable, Sendable {
    /// Texts in the order of `columns`; an unknown one is empty.
    var texts: [[UInt8]]
    var numbers: [Int64]

    struct Column: Sendable {
        let name: String
        let isText: Bool
        /// The field that it answers for; nil: it only helps to make the event again.
        let field: EventField?
    }

    private static let textColumns:
        [(String, EventField?, any WritableKeyPath<LoginEvent.Texts, ByteRange> & Sendable)] = [
            ("service", .service, \.service), ("route", .route, \.route), ("method", .method, \.method),
            ("path", .path, \.path), ("host", .host, \.host), ("user_agent", .userAgent, \.userAgent),
            ("header_names", .headerNames, \.headerNames), ("print_http", .fingerprintHTTP, \.fingerprintHTTP),
            ("print_header", .fingerprintHeader, \.fingerprintHeader),
            ("print_network", .fingerprintNetwork, \.fingerprintNetwork),
            ("print_http2", .fingerprintHTTP2, \.fingerprintHTTP2),
            ("print_client", .fingerprintClient, \.fingerprintClient), ("print_ja4", .fingerprintJA4, \.fingerprintJA4),
            ("print_ja3", .fingerprintJA3, \.fingerprintJA3), ("rule", .rule, \.rule), ("reason", .reason, \.reason),
            ("tls_version", .tlsVersion, \.tlsVersion), ("tls_cipher", .tlsCipher, \.tlsCipher),
            ("tls_server_name", .tlsServerName, \.tlsServerName), ("custom_name", nil, \.customName),
        ]

    static let columns: [Column] =
        textColumns.map { Column(name: $0.0, isText: true, field: $0.1) }
        + [Column(name: "event", isText: true, field: .event)]
        + [
            ("kind", nil), ("outcome", nil), ("action", .action), ("exists_", .exists), ("version", .version),
            ("status", .status),
        ].map { Column(name: $0.0, isText: false, field: $0.1) }

    init(_ event: LoginEvent) {
        texts = EventShape.textColumns.map { Array(event.bytes[event.texts[keyPath: $0.2].bounds]) }
        texts.append(event.name)
        numbers = [
            Int64(event.kind.rawValue), Int64(event.outcome.rawValue), Int64(event.action.rawValue),
            event.exists.map { $0 ? 1 : 0 } ?? -1, event.peer.isUnspecified ? -1 : Int64(event.version.rawValue),
            Int64(event.status),
        ]
    }

    /// Reads the columns of a row, which begin at `first`.
    init(_ row: Statement, from first: Int32) {
        let count = EventShape.textColumns.count + 1
        texts = (0..<count).map { row.bytes(first + Int32($0)) }
        numbers = (count..<EventShape.columns.count).map { row.integer(first + Int32($0)) }
    }

    var values: [SQLValue] { texts.map { .text($0) } + numbers.map { .integer($0) } }

    /// FNV-1a: the same in every run. Finds a shape in the file; who collides on purpose only makes it be stored twice.
    var hash: Int64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func add(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        for text in texts {
            for byte in text { add(byte) }
            add(0xff)
        }
        for number in numbers { add(UInt8(truncatingIfNeeded: number)) }
        return Int64(bitPattern: hash)
    }

    /// An event that has all of this and nothing of its own.
    var event: LoginEvent {
        var event = LoginEvent(capacity: texts.reduce(256) { $0 + $1.count })
        for (index, column) in EventShape.textColumns.enumerated() where !texts[index].isEmpty {
            event.texts[keyPath: column.2] = event.add(texts[index])
        }
        event.kind = EventKind(rawValue: UInt8(clamping: numbers[0])) ?? .login
        event.outcome = LoginOutcome(rawValue: UInt8(clamping: numbers[1])) ?? .unknown
        event.action = LoginEvent.Action(rawValue: UInt8(clamping: numbers[2])) ?? .allow
        event.exists = numbers[3] < 0 ? nil : numbers[3] == 1
        event.version = HTTPVersion(rawValue: UInt8(clamping: numbers[4])) ?? .http11
        event.status = Int(numbers[5])
        return event
    }
}
