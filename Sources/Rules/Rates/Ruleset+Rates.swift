// SPDX-License-Identifier: Apache-2.0
public import Wire

/// Rules with counters. What else they ask is read off the bits like that of any other rule; those for which it holds wait in the evaluation
/// until their counters were asked, which stand where all loops reach them.
extension Ruleset {
    /// The counters of a rule: places in `rates`.
    public func counters(of rule: Int) -> Range<Int> { self.rule(at: rule).rates }

    /// Rules that wait for their counters. Empties the list; the order is that of the rules.
    public func takeCounted(_ state: inout Evaluation, into out: inout [UInt16]) {
        out.removeAll(keepingCapacity: true)
        swap(&out, &state.counted)
    }

    /// A counter says that a rule matches: what this makes of the verdict so far. The first that stops decides, else the first that delays.
    public func admit(_ rule: Int, _ verdict: Verdict, _ state: inout Evaluation) -> Verdict {
        state.matches.append(UInt16(truncatingIfNeeded: rule))
        let own = self.rule(at: rule)
        if !own.isEnforced || own.isFlag { return verdict }
        guard case .act(let other) = verdict else { return .act(rule: rule) }
        let stops = !own.action.isPassing
        let otherStops = !self.rule(at: other).action.isPassing
        if stops != otherStops { return stops ? .act(rule: rule) : verdict }
        return rule < other ? .act(rule: rule) : verdict
    }

    // MARK: Keys

    /// Every value that a part of a key has in the request.
    public func visitKey(
        _ subject: Subject, _ head: borrowing RequestHead, _ bytes: Span<UInt8>, path: Span<UInt8>,
        body values: borrowing NamedValues, raw: Span<UInt8>, facts: ExchangeFacts, state: borrowing Evaluation,
        scratch: EvaluationScratch, _ body: (Span<UInt8>) -> Void
    ) {
        let prints = state.fingerprints
        switch subject.phase {
        case .requestHead:
            if subject.isOfQuery {
                scratch.query.reset()
                if let query = head.query { FormReader.read(bytes.slice(query), into: &scratch.query) }
            }
            visitHead(subject, .everything, head, bytes, path, facts, prints, scratch, body)
        case .requestBody: visitBody(subject, .everything, values, raw, state.login, state.hasLogin, prints, body)
        case .responseHead, .responseBody: break
        }
    }

    /// Every value that a part of a key has in the answer's head.
    public func visitKey(
        _ subject: Subject, answer head: borrowing ResponseHead, _ bytes: Span<UInt8>, state: borrowing Evaluation,
        scratch: EvaluationScratch, _ body: (Span<UInt8>) -> Void
    ) {
        visitResponse(subject, .everything, head, bytes, state.userID, state.fingerprints, scratch, body)
    }
}

extension Evaluation {
    /// Some rule waits for its counters.
    public var waitsForCounters: Bool { !counted.isEmpty }
}
