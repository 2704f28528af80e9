// SPDX-License-Identifier: Apache-2.0

/// One question to the history of events: which are meant, and whether they are shown or counted. A value, made of text by `QueryParser`.
public struct EventQuery: Equatable, Sendable {
    public var filter = EventFilter.everything
    /// nil: the events themselves are asked for.
    public var count: EventCount?

    /// Longest query, in bytes.
    public static let lengthLimit = 8_192
    /// Most tests in one query.
    public static let testLimit = 500
    /// Deepest nesting of parentheses and exclusions.
    public static let depthLimit = 32

    public init() {}

    /// `now`: microseconds since 1970, what `now` and relative times mean.
    public init(_ text: String, now: Int64) throws(QueryProblem) {
        var parser = QueryParser(text, now: now)
        self = try parser.read()
    }
}

/// `count [distinct FIELD] [by KEY, KEY…] [top N]`.
public struct EventCount: Equatable, Sendable {
    public enum Key: Equatable, Sendable {
        case field(EventField)
        /// The beginning of the bucket that the event's time falls into; its width in microseconds.
        case bucket(Int64)
    }

    /// Counted are this field's values and not the events.
    public var distinct: EventField?
    public var keys: [Key] = []
    /// Only so many of the largest groups.
    public var top: Int?

    /// Most keys of one count.
    public static let keyLimit = 4

    public init() {}
}

/// What is wrong with a query, and where.
public struct QueryProblem: Error, Equatable, Sendable, CustomStringConvertible {
    /// Characters, from 1.
    public var column: Int
    public var reason: String
    public var hint: String?

    public var description: String { "column \(column): \(reason)" + (hint.map { " (\($0))" } ?? "") }
}
