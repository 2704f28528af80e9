// SPDX-License-Identifier: Apache-2.0
import Logins
import Wire

/// What an event has of its own, to and from a row of `events`. Stateless.
enum EventRow {
    static let insertion = """
        INSERT OR IGNORE INTO events (key, shape, client, login, user_id, peer, id, request_id, session, tags, duration, time) \
        VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)
        """

    /// Columns in the order that `event(_:_:)` reads them.
    static let columns = "key, shape, client, login, user_id, peer, id, request_id, session, tags, duration, time"

    /// Where an event belongs: the time, then bits of its id, so that the same event comes to the same place.
    static func key(_ event: LoginEvent, attempt: UInt64) -> Int64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in event.bytes[event.texts.id.bounds] { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        hash = (hash ^ hash >> 32) &+ attempt &* 0x9e37_79b9_7f4a_7c15
        hash ^= hash >> 29
        // Many events of one microsecond (an application reports whole seconds) spread over the next one thousandth of a second.
        let spread = attempt == 0 ? 0 : Int64(hash >> 20 & 1_023)
        return Layout.key(microseconds: event.unixNanoseconds / 1_000 + spread)
            | Int64(hash & (1 << UInt64(Layout.keyBits) - 1))
    }

    static func bind(_ event: LoginEvent, key: Int64, shape: Int64, to statement: Statement) {
        func text(_ range: ByteRange) -> SQLValue { range.isEmpty ? .null : .text(Array(event.bytes[range.bounds])) }
        let microseconds = event.unixNanoseconds / 1_000
        statement.bind(1, .integer(key))
        statement.bind(2, .integer(shape))
        statement.bind(3, value(event.client))
        statement.bind(4, event.hasLogin ? .text(Array(event.bytes[event.texts.login.bounds])) : .null)
        statement.bind(5, text(event.texts.userID))
        // Most clients come without a proxy in front: their own address need not stand twice.
        statement.bind(6, event.peer == event.client ? .integer(-1) : value(event.peer))
        statement.bind(7, .text(Array(event.bytes[event.texts.id.bounds])))
        statement.bind(8, text(event.texts.requestID))
        statement.bind(9, text(event.texts.fingerprintSession))
        statement.bind(10, tags(event))
        statement.bind(11, .integer(Int64(clamping: event.durationMicroseconds)))
        statement.bind(12, key >> Layout.keyBits == microseconds ? .null : .integer(microseconds))
    }

    /// An IPv4 address is a number, an IPv6 address 16 bytes: both sort, and numbers sort before bytes.
    static func value(_ address: IPAddress) -> SQLValue {
        if address.isUnspecified { return .null }
        if address.isIPv4 { return .integer(Int64(address.v4)) }
        return .blob(bytes(address))
    }

    static func bytes(_ address: IPAddress) -> [UInt8] {
        (0..<16).map { index in
            UInt8(truncatingIfNeeded: (index < 8 ? address.high : address.low) >> UInt64(8 * (7 - index % 8)))
        }
    }

    private static func tags(_ event: LoginEvent) -> SQLValue {
        if event.tags.isEmpty { return .null }
        var writer = JSONWriter()
        writer.beginObject()
        for tag in event.tags {
            writer.key(event.bytes.span.extracting(tag.name.bounds))
            writer.string(event.bytes.span.extracting(tag.value.bounds))
        }
        writer.endObject()
        return .text(writer.bytes)
    }

    /// Makes the event of a row again, on top of its shape.
    static func event(_ row: Statement, _ shape: LoginEvent) -> LoginEvent {
        var event = shape
        event.unixNanoseconds = (row.isNull(11) ? row.integer(0) >> Layout.keyBits : row.integer(11)) * 1_000
        event.client = address(row, 2)
        event.hasLogin = !row.isNull(3)
        event.peer = row.isInteger(5) && row.integer(5) == -1 ? event.client : address(row, 5)
        event.durationMicroseconds = UInt64(clamping: row.integer(10))
        func add(_ column: Int32) -> ByteRange {
            let start = event.bytes.count
            row.append(column, to: &event.bytes)
            return ByteRange(start, event.bytes.count)
        }
        event.texts.login = add(3)
        event.texts.userID = add(4)
        event.texts.id = add(6)
        event.texts.requestID = add(7)
        event.texts.fingerprintSession = add(8)
        if !row.isNull(9) { addTags(row.bytes(9), to: &event) }
        return event
    }

    private static func addTags(_ json: [UInt8], to event: inout LoginEvent) {
        // Written above: `{"name":"value",…}` and nothing else.
        var cursor = 1
        while cursor < json.count, json[cursor] == 34 || json[cursor] == UInt8(ascii: ",") {
            if json[cursor] == UInt8(ascii: ",") { cursor += 1 }
            let start = event.bytes.count
            guard (try? JSONText.readString(json.span, &cursor, into: &event.bytes)) != nil else { return }
            let middle = event.bytes.count
            cursor += 1
            guard cursor < json.count, (try? JSONText.readString(json.span, &cursor, into: &event.bytes)) != nil else {
                return
            }
            event.tags.append((ByteRange(start, middle), ByteRange(middle, event.bytes.count)))
        }
    }

    static func address(_ row: Statement, _ column: Int32) -> IPAddress {
        if row.isNull(column) { return IPAddress(high: 0, low: 0) }
        if row.isInteger(column) { return IPAddress(v4: UInt32(clamping: row.integer(column))) }
        let bytes = row.bytes(column)
        guard bytes.count == 16 else { return IPAddress(high: 0, low: 0) }
        return IPAddress(
            high: bytes[..<8].reduce(0) { $0 << 8 | UInt64($1) }, low: bytes[8...].reduce(0) { $0 << 8 | UInt64($1) })
    }
}
