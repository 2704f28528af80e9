// SPDX-License-Identifier: Apache-2.0

/// Dates as HTTP writes them (RFC 9110 §5.6.7), always in GMT.
public enum HTTPDate {
    private static let days: StaticString = "ThuFriSatSunMonTueWed"
    private static let months: StaticString = "JanFebMarAprMayJunJulAugSepOctNovDec"

    /// "Sun, 06 Nov 1994 08:49:37 GMT" for seconds since 1970; negative seconds are written as 1970.
    public static func write(unixSeconds: Int64, to out: inout [UInt8]) {
        let seconds = max(0, unixSeconds)
        let day = seconds / 86_400
        let rest = seconds % 86_400
        let date = civil(day)
        name(days, Int(day % 7), to: &out)
        out.append(", ")
        twoDigits(date.day, to: &out)
        out.append(32)
        name(months, Int(date.month - 1), to: &out)
        out.append(32)
        twoDigits(date.year / 100, to: &out)
        twoDigits(date.year % 100, to: &out)
        out.append(32)
        twoDigits(rest / 3_600, to: &out)
        out.append(58)
        twoDigits(rest / 60 % 60, to: &out)
        out.append(58)
        twoDigits(rest % 60, to: &out)
        out.append(" GMT")
    }

    /// Days since 1970-01-01 to a date of the Gregorian calendar, counted in eras of 400 years that begin in March.
    static func civil(_ daysSince1970: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = daysSince1970 + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private static func name(_ names: StaticString, _ index: Int, to out: inout [UInt8]) {
        for offset in 0..<3 { out.append(unsafe names.utf8Start[index * 3 + offset]) }
    }

    private static func twoDigits(_ number: Int64, to out: inout [UInt8]) {
        out.append(UInt8(truncatingIfNeeded: 48 + number / 10 % 10))
        out.append(UInt8(truncatingIfNeeded: 48 + number % 10))
    }
}
