// SPDX-License-Identifier: Apache-2.0
public import Wire

/// Tags from values: what a rule that matched asked to store. Done when the exchange is over, so that a rule may store what was known
/// before it was decided and what came after.
extension Ruleset {
    public func captureRequestHead(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>, path: Span<UInt8>, facts: ExchangeFacts,
        state: inout Evaluation, scratch: EvaluationScratch
    ) {
        let (matches, prints) = (state.matches, state.fingerprints)
        for capture in captures(of: matches, .requestHead) {
            if capture.subject.isOfQuery {
                scratch.query.reset()
                if let query = head.query { FormReader.read(bytes.slice(query), into: &scratch.query) }
            }
            visitHead(capture.subject, .everything, head, bytes, path, facts, prints, scratch) {
                state.capture(capture.tag.span, $0)
            }
        }
    }

    public func captureRequestBody(_ values: borrowing NamedValues, raw: Span<UInt8>, state: inout Evaluation) {
        let (matches, prints, login, hasLogin) = (state.matches, state.fingerprints, state.login, state.hasLogin)
        for capture in captures(of: matches, .requestBody) {
            visitBody(capture.subject, .everything, values, raw, login, hasLogin, prints) {
                state.capture(capture.tag.span, $0)
            }
        }
    }

    public func captureResponseHead(
        _ head: borrowing ResponseHead, _ bytes: Span<UInt8>, state: inout Evaluation, scratch: EvaluationScratch
    ) {
        let (matches, prints, userID) = (state.matches, state.fingerprints, state.userID)
        for capture in captures(of: matches, .responseHead) {
            visitResponse(capture.subject, .everything, head, bytes, userID, prints, scratch) {
                state.capture(capture.tag.span, $0)
            }
        }
    }

    public func captureResponseBody(_ values: borrowing NamedValues, raw: Span<UInt8>, state: inout Evaluation) {
        let matches = state.matches
        for capture in captures(of: matches, .responseBody) {
            visitResponseBody(capture.subject, .everything, values, raw) { state.capture(capture.tag.span, $0) }
        }
    }

    private func captures(of matches: [UInt16], _ phase: Phase) -> [(tag: [UInt8], subject: Subject)] {
        matches.flatMap { rule(at: Int($0)).captures.filter { $0.subject.phase == phase } }
    }
}

extension Evaluation {
    /// Tags that one exchange may carry, and the bytes of each value.
    private static let captureLimit = 32
    private static let captureBytes = 256

    /// Stores a value as a tag.
    mutating func capture(_ tag: Span<UInt8>, _ value: Span<UInt8>) {
        if captures.entries.count >= Evaluation.captureLimit { return }
        captures.append(name: tag, value: value.extracting(0..<min(value.count, Evaluation.captureBytes)))
    }
}
