// SPDX-License-Identifier: Apache-2.0
import Wire

/// Makes tests of the values that a query compares fields with. A value.
struct QueryValues {
    /// Microseconds since 1970.
    let now: Int64

    /// A test on one value.
    func test(
        _ field: EventField, _ value: QueryLexer.Value, _ lexer: QueryLexer
    ) throws(QueryProblem) -> EventTest {
        if value.letters == [.many] { return .present }
        switch field.kind {
        case .text, .texts:
            guard let plain = value.plain else {
                if field == .headerNames {
                    throw lexer.problem("names of headers are compared whole", at: value.start)
                }
                return pattern(value)
            }
            if plain.isEmpty && !(field == .login && value.isQuoted) {
                throw lexer.problem(
                    "a value is missing behind \"\(field.name):\"", at: value.start,
                    hint: "-\(field.name):* finds events without it")
            }
            return .text(plain)
        case .flag:
            let word = text(value)
            guard word == "true" || word == "false" else {
                throw lexer.problem("\(field.name) is true or false", at: value.start)
            }
            return .flag(word == "true")
        case .address:
            let network = try self.network(field, value, lexer)
            return .addresses(network.address, QueryValues.last(of: network))
        case .number, .time:
            let (first, last) = try number(field, value, lexer)
            return .numbers(first, last)
        }
    }

    private func pattern(_ value: QueryLexer.Value) -> EventTest {
        let pattern = TextPattern(value.letters)
        return pattern.letters == [.many] ? .present : .pattern(pattern)
    }

    /// A test on what lies between two values, or on one side of one.
    func range(
        _ field: EventField, lower: QueryLexer.Value?, upper: QueryLexer.Value?, _ isInclusive: Bool, _ start: Int,
        _ lexer: QueryLexer
    ) throws(QueryProblem) -> EventTest {
        let low = lower.flatMap { $0.letters == [.many] ? nil : $0 }
        let high = upper.flatMap { $0.letters == [.many] ? nil : $0 }
        switch field.kind {
        case .number, .time:
            var first = Int64.min
            var last = Int64.max
            if let low {
                let value = try number(field, low, lexer)
                first = isInclusive ? value.0 : value.1 + 1
            }
            if let high {
                let value = try number(field, high, lexer)
                last = isInclusive ? value.1 : value.0 - 1
            }
            if first > last { throw lexer.problem("nothing lies in this range", at: start) }
            return .numbers(first, last)
        case .address where isInclusive:
            let first = try low.map { value throws(QueryProblem) in try network(field, value, lexer).address }
            let last = try high.map { value throws(QueryProblem) in
                QueryValues.last(of: try network(field, value, lexer))
            }
            let test = (first ?? IPAddress(high: 0, low: 0), last ?? IPAddress(high: .max, low: .max))
            if test.1 < test.0 { throw lexer.problem("nothing lies in this range", at: start) }
            return .addresses(test.0, test.1)
        case .address: throw lexer.problem("ranges of addresses are [low TO high]", at: start)
        case .text, .texts, .flag:
            throw lexer.problem("ranges are for times, numbers and addresses, not for \(field.name)", at: start)
        }
    }

    private func text(_ value: QueryLexer.Value) -> String {
        value.plain.map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    private func network(
        _ field: EventField, _ value: QueryLexer.Value, _ lexer: QueryLexer
    ) throws(QueryProblem) -> IPPrefix {
        switch IPPrefix.parse(text(value)) {
        case .success(let network): return network
        case .failure(.hostBits(let network)):
            throw lexer.problem("bits are set behind the prefix", at: value.start, hint: "\(network)")
        case .failure:
            throw lexer.problem(
                "\(field.name) is an address or a network", at: value.start, hint: "203.0.113.9 or 203.0.113.0/24")
        }
    }

    private static func last(of network: IPPrefix) -> IPAddress {
        let host = IPAddress(high: .max, low: .max).masked(to: network.length)
        return IPAddress(high: network.address.high | ~host.high, low: network.address.low | ~host.low)
    }

    /// The first and last number that a value means: a day is all its microseconds.
    private func number(
        _ field: EventField, _ value: QueryLexer.Value, _ lexer: QueryLexer
    ) throws(QueryProblem) -> (Int64, Int64) {
        let word = text(value)
        if field == .time {
            guard let (first, last) = time(word) else {
                throw lexer.problem(
                    "\"\(word)\" is no time", at: value.start,
                    hint: "now, -6h, 2026-11-24, 2026-11-24T12:00:00Z or seconds since 1970")
            }
            return (first, last)
        }
        guard let number = Int64(word), (0...1_000_000_000_000).contains(number) else {
            throw lexer.problem("\(field.name) is a number", at: value.start)
        }
        return field == .duration ? (number * 1_000, number * 1_000 + 999) : (number, number)
    }

    private func time(_ word: String) -> (Int64, Int64)? {
        if word == "now" { return (now, now) }
        if word.hasPrefix("now-") || word.hasPrefix("-") {
            let rest = String(word.dropFirst(word.hasPrefix("now-") ? 4 : 1))
            return QueryValues.duration(rest).map { (now - $0, now - $0) }
        }
        let isDay = word.utf8.count == 10 && word.contains("-")
        let bytes = Array((isDay ? word + "T00:00:00Z" : word).utf8)
        if let seconds = Timestamp.parse(bytes.span) {
            return (seconds * 1_000_000, (seconds + (isDay ? 86_400 : 1)) * 1_000_000 - 1)
        }
        guard let seconds = Int64(word), (0...100_000_000_000).contains(seconds) else { return nil }
        return (seconds * 1_000_000, seconds * 1_000_000 + 999_999)
    }

    /// "30s", "5m", "6h", "7d" in microseconds, up to a hundred years.
    static func duration(_ word: String) -> Int64? {
        let factors: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800]
        guard let unit = word.last, let factor = factors[unit], let number = Int64(word.dropLast()), number >= 0,
            number <= 3_200_000_000 / factor
        else { return nil }
        return number * factor * 1_000_000
    }
}
