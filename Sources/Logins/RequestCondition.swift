// SPDX-License-Identifier: Apache-2.0
public import Wire

/// What a request must hold, besides method and path, to be for a login route: a password grant among other grants, a form among the
/// forms of one page. A value, part of the route.
public struct RequestCondition: Sendable {
    public enum Part: Sendable {
        case header, query, body
    }

    let part: Part
    /// Lower-case field name, or dotted name in query or body.
    let name: [UInt8]
    let check: OutcomeTest.TextCheck

    public init(part: Part, name: String, check: OutcomeTest.TextCheck) {
        self.part = part
        self.name = Array((part == .header ? name.lowercased() : name).utf8)
        self.check = check
    }
}

extension LoginRoute {
    /// Conditions on query or body remain to be looked at.
    public var hasContentConditions: Bool { conditions.contains { $0.part != .header } }

    /// Whether a request is for this route as far as its head tells. `path` is the normalised one.
    public func matches(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>, path: Span<UInt8>
    ) -> Bool {
        if !matches(method: bytes.slice(head.methodRange), path: path) { return false }
        for index in conditions.indices where conditions[index].part == .header {
            let name = conditions[index].name
            let isMet: Bool
            if let field = head.first(named: name.span, in: bytes) {
                isMet = OutcomeTest.textHolds(conditions[index].check, bytes.slice(head.fields[field].value))
            } else {
                isMet = OutcomeTest.textHolds(conditions[index].check, nil)
            }
            if !isMet { return false }
        }
        return true
    }

    /// Whether query and body, which have been read, are those of this route.
    public func contentHolds(query: borrowing NamedValues, body: borrowing NamedValues) -> Bool {
        for index in conditions.indices {
            switch conditions[index].part {
            case .header: continue
            case .query: if !LoginRoute.holds(conditions[index], in: query) { return false }
            case .body: if !LoginRoute.holds(conditions[index], in: body) { return false }
            }
        }
        return true
    }

    private static func holds(_ condition: RequestCondition, in values: borrowing NamedValues) -> Bool {
        guard let index = values.first(named: condition.name.span) else {
            return OutcomeTest.textHolds(condition.check, nil)
        }
        let arena = values.arena
        return OutcomeTest.textHolds(condition.check, arena.span.slice(values.entries[index].value))
    }
}
