// SPDX-License-Identifier: Apache-2.0
import Wire

/// How a change to the lists stands in the journal: bytes of a fixed order, each text with its length. Pure.
public enum ListRecord {
    public static func write(_ change: ListChange) -> [UInt8] {
        var out: [UInt8] = []
        switch change {
        case .set(let list, let entry):
            out += [1, list.rawValue]
            number(UInt64(bitPattern: entry.expires), to: &out)
            number(UInt64(bitPattern: entry.time), to: &out)
            out.append(entry.isMonitored ? 1 : 0)
            write(entry.subject, to: &out)
            text(entry.reason, to: &out)
            text(entry.source, to: &out)
        case .remove(let list, let subject):
            out += [2, list.rawValue]
            write(subject, to: &out)
        }
        return out
    }

    /// nil: these bytes are no record.
    public static func read(_ bytes: Span<UInt8>) -> ListChange? {
        var cursor = 2
        guard bytes.count > 2, let list = ListName(rawValue: bytes[1]) else { return nil }
        if bytes[0] == 2 {
            guard let subject = subject(bytes, &cursor), cursor == bytes.count else { return nil }
            return .remove(list, subject)
        }
        guard bytes[0] == 1, let expires = number(bytes, &cursor), let time = number(bytes, &cursor),
            cursor < bytes.count, bytes[cursor] <= 1
        else { return nil }
        let isMonitored = bytes[cursor] == 1
        cursor += 1
        guard let subject = subject(bytes, &cursor), let reason = text(bytes, &cursor),
            let source = text(bytes, &cursor), cursor == bytes.count
        else { return nil }
        return .set(
            list,
            ListEntry(
                subject: subject, expires: Int64(bitPattern: expires), reason: reason, source: source,
                time: Int64(bitPattern: time), isMonitored: isMonitored))
    }

    private static func write(_ subject: ListSubject, to out: inout [UInt8]) {
        switch subject {
        case .network(let prefix):
            out += [0, UInt8(prefix.length)]
            number(prefix.address.high, to: &out)
            number(prefix.address.low, to: &out)
        case .text(let kind, let value):
            out.append(kind.rawValue + 1)
            text(value, to: &out)
        }
    }

    private static func subject(_ bytes: Span<UInt8>, _ cursor: inout Int) -> ListSubject? {
        guard cursor < bytes.count else { return nil }
        let tag = bytes[cursor]
        cursor += 1
        if tag > 0 {
            guard let kind = ListKind(rawValue: tag - 1), let value = text(bytes, &cursor),
                kind.canonical(value) == .success(value)
            else { return nil }
            return .text(kind, value)
        }
        guard cursor < bytes.count, bytes[cursor] <= 128 else { return nil }
        let length = Int(bytes[cursor])
        cursor += 1
        guard let high = number(bytes, &cursor), let low = number(bytes, &cursor) else { return nil }
        let prefix = IPPrefix(IPAddress(high: high, low: low), length: length)
        return prefix.address == IPAddress(high: high, low: low) ? .network(prefix) : nil
    }

    private static func number(_ value: UInt64, to out: inout [UInt8]) {
        for index in 0..<8 { out.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
    }

    private static func number(_ bytes: Span<UInt8>, _ cursor: inout Int) -> UInt64? {
        if bytes.count - cursor < 8 { return nil }
        var value: UInt64 = 0
        for index in 0..<8 { value |= UInt64(bytes[cursor + index]) << UInt64(8 * index) }
        cursor += 8
        return value
    }

    private static func text(_ text: [UInt8], to out: inout [UInt8]) {
        let kept = text.prefix(Int(UInt16.max))
        out.append(UInt8(truncatingIfNeeded: kept.count))
        out.append(UInt8(truncatingIfNeeded: kept.count >> 8))
        out += kept
    }

    private static func text(_ bytes: Span<UInt8>, _ cursor: inout Int) -> [UInt8]? {
        if bytes.count - cursor < 2 { return nil }
        let count = Int(bytes[cursor]) | Int(bytes[cursor + 1]) << 8
        cursor += 2
        if bytes.count - cursor < count { return nil }
        var out: [UInt8] = []
        out.append(bytes.extracting(cursor..<(cursor + count)))
        cursor += count
        return out
    }
}
