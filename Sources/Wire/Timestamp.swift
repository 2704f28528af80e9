// SPDX-License-Identifier: Apache-2.0

/// The text of the last time that was written, so that of a later one in the same second only the fraction is written anew
/// (235 → 70 instructions). Owned by one writer.
public struct TimestampText {
    private var text = InlineArray<27, UInt8>(repeating: UInt8(ascii: "-"))
    private var second = Int64.min

    public init() {}

    /// As `Timestamp.write`.
    public mutating func write<Sink: ByteSink & ~Copyable>(unixNanoseconds: Int64, to out: inout Sink) {
        let nanoseconds = max(0, unixNanoseconds)
        let now = nanoseconds / 1_000_000_000
        if now != second {
            second = now
            Timestamp.fill(&text, seconds: now)
        }
        Timestamp.digits((nanoseconds - now * 1_000_000_000) / 1_000, 6, at: 20, &text)
        out.append(text.span)
    }
}

/// RFC 3339 times, in UTC.
public enum Timestamp {
    /// "2026-11-24T12:00:00.123456Z" for nanoseconds since 1970; before 1970 is written as 1970.
    public static func write<Sink: ByteSink & ~Copyable>(unixNanoseconds: Int64, to out: inout Sink) {
        var text = TimestampText()
        text.write(unixNanoseconds: unixNanoseconds, to: &out)
    }

    /// All but the fraction of the second.
    fileprivate static func fill(_ text: inout InlineArray<27, UInt8>, seconds: Int64) {
        let date = HTTPDate.civil(seconds / 86_400)
        let rest = seconds % 86_400
        digits(date.year, 4, at: 0, &text)
        digits(date.month, 2, at: 5, &text)
        digits(date.day, 2, at: 8, &text)
        text[10] = UInt8(ascii: "T")
        digits(rest / 3_600, 2, at: 11, &text)
        text[13] = UInt8(ascii: ":")
        digits(rest / 60 % 60, 2, at: 14, &text)
        text[16] = UInt8(ascii: ":")
        digits(rest % 60, 2, at: 17, &text)
        text[19] = UInt8(ascii: ".")
        text[26] = UInt8(ascii: "Z")
    }

    fileprivate static func digits(_ number: Int64, _ count: Int, at start: Int, _ text: inout InlineArray<27, UInt8>) {
        var rest = UInt64(bitPattern: number)
        var index = start + count
        while index > start {
            index -= 1
            text[index] = UInt8(truncatingIfNeeded: 48 + rest % 10)
            rest /= 10
        }
    }

    /// Seconds since 1970 of "2026-12-24T00:00:00Z", with any offset and fraction (cut); nil when it is no RFC 3339 time.
    public static func parse(_ text: Span<UInt8>) -> Int64? {
        guard text.count >= 20, text[4] == 45, text[7] == 45, text[10] | 32 == 116, text[13] == 58, text[16] == 58,
            let year = number(text, 0, 4), let month = number(text, 5, 2), let day = number(text, 8, 2),
            let hour = number(text, 11, 2), let minute = number(text, 14, 2), let second = number(text, 17, 2),
            month >= 1, month <= 12, day >= 1, day <= days(in: month, of: year), hour < 24, minute < 60, second <= 60
        else { return nil }
        var index = 19
        if text[index] == UInt8(ascii: ".") {
            index += 1
            let start = index
            while index < text.count && text[index] >= 48 && text[index] <= 57 { index += 1 }
            if index == start { return nil }
        }
        guard let offset = zone(text, index) else { return nil }
        return daysSince1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset
    }

    /// Seconds east of Greenwich of what stands from `index` to the end.
    private static func zone(_ text: Span<UInt8>, _ index: Int) -> Int64? {
        if index >= text.count { return nil }
        if text[index] | 32 == UInt8(ascii: "z") { return index + 1 == text.count ? 0 : nil }
        let sign: Int64 = text[index] == UInt8(ascii: "-") ? -1 : 1
        if sign == 1 && text[index] != UInt8(ascii: "+") || text.count - index != 6 || text[index + 3] != 58 {
            return nil
        }
        guard let hours = number(text, index + 1, 2), let minutes = number(text, index + 4, 2), hours < 24, minutes < 60
        else {
            return nil
        }
        return sign * (hours * 3_600 + minutes * 60)
    }

    private static func number(_ text: Span<UInt8>, _ start: Int, _ count: Int) -> Int64? {
        ByteSearch.decimal(text.extracting(start..<(start + count))).map { Int64($0) }
    }

    private static func days(in month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// The inverse of `HTTPDate.civil`.
    private static func daysSince1970(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = shiftedYear >= 0 ? shiftedYear / 400 : (shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}
