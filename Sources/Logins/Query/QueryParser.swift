// SPDX-License-Identifier: Apache-2.0
import Wire

/// Reads the query language, by descent, bounded in length, depth and tests. Used once.
///
///     query  = filter [ "|" count ]
///     filter = { term | "AND" | "OR" }            terms side by side must all hold; OR binds weaker
///     term   = [ "-" | "NOT" ] ( "(" filter ")" | "*" | field ":" value )
///     value  = one | "(" one { "OR" one } ")" | "[" one "TO" one "]" | "{" one "TO" one "}" | ( ">" | ">=" | "<" | "<=" ) one
struct QueryParser {
    private var lexer: QueryLexer
    private let values: QueryValues
    private var tests = 0

    init(_ text: String, now: Int64) {
        lexer = QueryLexer(text)
        values = QueryValues(now: now)
    }

    mutating func read() throws(QueryProblem) -> EventQuery {
        if lexer.bytes.count > EventQuery.lengthLimit {
            throw lexer.problem("a query has at most \(EventQuery.lengthLimit) bytes", at: EventQuery.lengthLimit)
        }
        var query = EventQuery()
        lexer.skipSpace()
        if let next = lexer.next, next != UInt8(ascii: "|") { query.filter = try alternatives(0) }
        lexer.skipSpace()
        if lexer.take("|") { query.count = try count() }
        lexer.skipSpace()
        if lexer.next != nil { throw lexer.problem("this does not belong here") }
        return query
    }

    // MARK: Filters

    private mutating func alternatives(_ depth: Int) throws(QueryProblem) -> EventFilter {
        if depth > EventQuery.depthLimit { throw lexer.problem("nested deeper than \(EventQuery.depthLimit)") }
        var list = [try conjunction(depth)]
        while lexer.takeWord("OR") { list.append(try conjunction(depth)) }
        return list.count == 1 ? list[0] : .any(list)
    }

    private mutating func conjunction(_ depth: Int) throws(QueryProblem) -> EventFilter {
        var list: [EventFilter] = []
        while true {
            lexer.skipSpace()
            let here = lexer
            guard let next = lexer.next, next != UInt8(ascii: ")"), next != UInt8(ascii: "|") else { break }
            if lexer.takeWord("OR") {
                lexer = here
                break
            }
            if lexer.takeWord("AND") {
                if list.isEmpty { throw here.problem("nothing stands before AND") }
                lexer.skipSpace()
            }
            list.append(try term(depth))
        }
        if list.isEmpty {
            throw lexer.problem("a condition is missing", hint: "conditions are field:value, as usr.login:alice")
        }
        return list.count == 1 ? list[0] : .all(list)
    }

    private mutating func term(_ depth: Int) throws(QueryProblem) -> EventFilter {
        if depth > EventQuery.depthLimit { throw lexer.problem("nested deeper than \(EventQuery.depthLimit)") }
        if lexer.take("-") || lexer.takeWord("NOT") {
            lexer.skipSpace()
            return .not(try term(depth + 1))
        }
        let start = lexer.cursor
        if lexer.take("(") {
            let filter = try alternatives(depth + 1)
            lexer.skipSpace()
            if !lexer.take(")") { throw lexer.problem("a parenthesis is not closed", at: start) }
            return filter
        }
        if lexer.take("*") { return .everything }
        let field = try self.field()
        if !lexer.take(":") {
            throw lexer.problem(
                "a colon must follow \"\(field.name)\"", hint: "conditions are field:value, as usr.login:alice")
        }
        return try condition(field)
    }

    private mutating func field() throws(QueryProblem) -> EventField {
        let start = lexer.cursor
        var name = lexer.name()
        if name.hasPrefix("@") { name.removeFirst() }
        if name.isEmpty { throw lexer.problem("a field is expected here", at: start) }
        if let field = EventField(name: name) { return field }
        let similar = EventField.named.map(\.name).filter { known in
            known.split(separator: ".").last == name.split(separator: ".").last
        }
        throw lexer.problem(
            "\"\(name)\" is no field of an event", at: start,
            hint: similar.first.map { "did you mean \($0)?" }
                ?? "fields are " + EventField.named.map(\.name).joined(separator: ", ") + ", tags.NAME")
    }

    private mutating func condition(_ field: EventField) throws(QueryProblem) -> EventFilter {
        let start = lexer.cursor
        if lexer.take("(") {
            var list: [EventFilter] = []
            repeat {
                lexer.skipSpace()
                list.append(try one(field))
                lexer.skipSpace()
            } while lexer.takeWord("OR")
            if !lexer.take(")") {
                throw lexer.problem("OR or a parenthesis is missing in the list", hint: "lists are (a OR b)")
            }
            return .any(list)
        }
        for (open, close, isInclusive) in [("[", "]", true), ("{", "}", false)] as [(Character, Character, Bool)]
        where lexer.take(open) {
            return try range(field, from: start, until: close, isInclusive)
        }
        if lexer.take(">") || lexer.take("<") {
            let isLess = lexer.bytes[lexer.cursor - 1] == UInt8(ascii: "<")
            let isInclusive = lexer.take("=")
            let bound = try lexer.value()
            try charge(start)
            return .test(
                field,
                try values.range(
                    field, lower: isLess ? nil : bound, upper: isLess ? bound : nil, isInclusive, start, lexer))
        }
        return try one(field)
    }

    private mutating func one(_ field: EventField) throws(QueryProblem) -> EventFilter {
        try charge(lexer.cursor)
        let value = try lexer.value()
        return .test(field, try values.test(field, value, lexer))
    }

    private mutating func range(
        _ field: EventField, from start: Int, until close: Character, _ isInclusive: Bool
    ) throws(QueryProblem) -> EventFilter {
        try charge(start)
        lexer.skipSpace()
        let lower = try lexer.value()
        lexer.skipSpace()
        if !lexer.takeWord("TO") { throw lexer.problem("TO is missing", hint: "ranges are [low TO high]") }
        lexer.skipSpace()
        let upper = try lexer.value()
        lexer.skipSpace()
        if !lexer.take(close) {
            throw lexer.problem("a range is not closed", at: start, hint: "ranges are [low TO high]")
        }
        return .test(field, try values.range(field, lower: lower, upper: upper, isInclusive, start, lexer))
    }

    private mutating func charge(_ place: Int) throws(QueryProblem) {
        tests += 1
        if tests > EventQuery.testLimit {
            throw lexer.problem("a query has at most \(EventQuery.testLimit) tests", at: place)
        }
    }

    // MARK: Counts

    private mutating func count() throws(QueryProblem) -> EventCount {
        lexer.skipSpace()
        if !lexer.takeWord("count") {
            throw lexer.problem("\"count\" is expected here", hint: "| count by http.client_ip top 20")
        }
        var count = EventCount()
        lexer.skipSpace()
        if lexer.takeWord("distinct") {
            lexer.skipSpace()
            count.distinct = try field()
            lexer.skipSpace()
        }
        if lexer.takeWord("by") {
            repeat {
                lexer.skipSpace()
                if count.keys.count == EventCount.keyLimit {
                    throw lexer.problem("events are counted by at most \(EventCount.keyLimit) keys")
                }
                count.keys.append(try key())
                lexer.skipSpace()
            } while lexer.take(",")
        }
        if lexer.takeWord("top") {
            lexer.skipSpace()
            let start = lexer.cursor
            guard let number = Int(lexer.name()), (1...1_000_000).contains(number) else {
                throw lexer.problem("top needs a number from 1 to 1000000", at: start)
            }
            count.top = number
        }
        return count
    }

    private mutating func key() throws(QueryProblem) -> EventCount.Key {
        let start = lexer.cursor
        let field = try field()
        guard field == .time else { return .field(field) }
        guard lexer.take("(") else {
            throw lexer.problem("a time needs the width of its buckets", at: start, hint: "time(5m)")
        }
        let place = lexer.cursor
        guard let width = QueryValues.duration(lexer.name()), width > 0, lexer.take(")") else {
            throw lexer.problem("buckets are 1s to 366d wide", at: place, hint: "time(5m)")
        }
        return .bucket(width)
    }
}
