// SPDX-License-Identifier: Apache-2.0

/// Times and sizes as people write them.
package enum Units {
    /// "500ms", "30s", "5m", "12h", "7d".
    package static func duration(_ text: String) -> Duration? {
        let (digits, unit) = split(text)
        guard let number = Int64(digits), number <= 1_000_000_000 else { return nil }
        switch unit {
        case "ms": return .milliseconds(number)
        case "s": return .seconds(number)
        case "m": return .seconds(number * 60)
        case "h": return .seconds(number * 3_600)
        case "d": return .seconds(number * 86_400)
        default: return nil
        }
    }

    /// "64KiB", "1MiB", "2GiB", "512B", and the decimal kB, MB, GB.
    static func size(_ text: String) -> Int? {
        let (digits, unit) = split(text)
        guard let number = Int(digits) else { return nil }
        let factors = [
            "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "kB": 1_000, "KB": 1_000, "MB": 1_000_000,
            "GB": 1_000_000_000,
        ]
        guard let factor = factors[unit] else { return nil }
        let (size, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : size
    }

    /// "20/1m", "5/s": a count of 1 to 65 535 in a window of 100 ms to 31 days, in nanoseconds.
    package static func rate(_ text: String) -> (count: Int, window: Int64)? {
        guard let slash = text.firstIndex(of: "/"), let count = Int(text[..<slash].trimmingSpaces()),
            (1...65_535).contains(count)
        else { return nil }
        let unit = text[text.index(after: slash)...].trimmingSpaces()
        guard let time = duration(unit.first?.isNumber == true ? unit : "1\(unit)"), time >= .milliseconds(100),
            time <= .seconds(31 * 86_400)
        else { return nil }
        return (count, time.components.seconds * 1_000_000_000 + time.components.attoseconds / 1_000_000_000)
    }

    private static func split(_ text: String) -> (digits: String, unit: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        return (String(digits), text.dropFirst(digits.count).trimmingSpaces())
    }

    /// The known word nearest to `word`, when it is near enough to be meant.
    static func nearest(to word: String, in known: [String]) -> String? {
        let limit = max(1, word.count / 3)
        let best = known.map { ($0, distance(word, $0)) }.min { $0.1 < $1.1 }
        guard let best, best.1 <= limit else { return nil }
        return best.0
    }

    /// Edits (one letter more, less, other, or two swapped) between two words.
    private static func distance(_ left: String, _ right: String) -> Int {
        let first = Array(left.utf8)
        let second = Array(right.utf8)
        var rows = [Array(0...second.count)]
        for i in 0..<first.count {
            var row = [i + 1]
            for j in 0..<second.count {
                var cost = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (first[i] == second[j] ? 0 : 1))
                if i > 0 && j > 0 && first[i] == second[j - 1] && first[i - 1] == second[j] {
                    cost = min(cost, rows[i - 1][j - 1] + 1)
                }
                row.append(cost)
            }
            rows.append(row)
        }
        return rows[first.count][second.count]
    }
}

extension Substring {
    func trimmingSpaces() -> String {
        var text = self
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
