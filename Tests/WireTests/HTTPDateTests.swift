// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct HTTPDateTests {
    private func text(_ seconds: Int64) -> String {
        var out: [UInt8] = []
        HTTPDate.write(unixSeconds: seconds, to: &out)
        return String(decoding: out, as: UTF8.self)
    }

    @Test(arguments: [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"), (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"),
        (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"), (-5, "Thu, 01 Jan 1970 00:00:00 GMT"),
    ])
    func `writes dates as HTTP does`(_ seconds: Int64, _ expected: String) {
        #expect(text(seconds) == expected)
    }

    @Test func `counts every day of four centuries`() {
        let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        var day = 0
        for year in 1970..<2370 {
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            for month in 0..<12 {
                for date in 1...(lengths[month] + (isLeap && month == 1 ? 1 : 0)) {
                    if date == 1 || date > 27 {
                        let expected =
                            "\(weekdays[day % 7]), \(date < 10 ? "0" : "")\(date) \(months[month]) \(year) 12:34:56 GMT"
                        #expect(text(Int64(day) * 86_400 + 45_296) == expected)
                    }
                    day += 1
                }
            }
        }
    }
}
