// SPDX-License-Identifier: Apache-2.0
public import Wire

/// The response phases.
extension Ruleset {
    /// Rules that need the answer's status and fields. Called before anything of the answer is sent.
    public func inspectResponseHead(
        _ head: borrowing ResponseHead, _ bytes: Span<UInt8>, facts: ExchangeFacts, state: inout Evaluation,
        scratch: EvaluationScratch
    ) -> Verdict {
        if isEmpty { return .allow }
        state.unixSeconds = facts.unixSeconds
        for index in inputRanges[Phase.responseHead.rawValue] {
            visitResponse(
                inputs[index].subject, inputs[index].filter, head, bytes, state.userID, state.fingerprints, scratch
            ) { value in
                look(inputs[index], at: value, &state, scratch)
            }
        }
        return decide(.responseHead, facts, &state)
    }

    /// Rules that need the answer's body. It is on its way to the client by then, so these only note.
    public func inspectResponseBody(
        _ values: borrowing NamedValues, raw: Span<UInt8>, facts: ExchangeFacts, state: inout Evaluation,
        scratch: EvaluationScratch
    ) -> Verdict {
        if isEmpty { return .allow }
        state.unixSeconds = facts.unixSeconds
        for index in inputRanges[Phase.responseBody.rawValue] {
            visitResponseBody(inputs[index].subject, inputs[index].filter, values, raw) {
                look(inputs[index], at: $0, &state, scratch)
            }
        }
        return decide(.responseBody, facts, &state)
    }

    func visitResponseBody(
        _ subject: borrowing Subject, _ filter: borrowing ValueFilter, _ values: borrowing NamedValues,
        _ raw: Span<UInt8>, _ body: (Span<UInt8>) -> Void
    ) {
        switch subject {
        case .responseBody: visitValues(filter, values, isDotted: true, body)
        case .responseBodyTree(let name): visitTree(name, filter, values, body)
        case .responseBodyNames(let name): visitNames(name, filter, values, isDotted: true, body)
        case .responseBodyValue(let name): visitNamed(name.span, values, body)
        case .responseBodyText: if !raw.isEmpty { body(raw) }
        default: break
        }
    }

    func visitResponse(
        _ subject: borrowing Subject, _ filter: borrowing ValueFilter, _ head: borrowing ResponseHead,
        _ bytes: Span<UInt8>, _ userID: [UInt8], _ fingerprints: Fingerprints, _ scratch: EvaluationScratch,
        _ body: (Span<UInt8>) -> Void
    ) {
        switch subject {
        case .status:
            scratch.text.removeAll(keepingCapacity: true)
            scratch.text.append(UInt8(truncatingIfNeeded: 48 + head.status / 100 % 10))
            scratch.text.append(UInt8(truncatingIfNeeded: 48 + head.status / 10 % 10))
            scratch.text.append(UInt8(truncatingIfNeeded: 48 + head.status % 10))
            let text = scratch.text
            body(text.span)
        case .responseHeader(let name):
            for index in head.fields.indices
            where head.fields[index].name.count == name.count
                && ByteSearch.equalsIgnoringCase(bytes.slice(head.fields[index].name), name.span)
            {
                body(bytes.slice(head.fields[index].value))
            }
        case .responseHeaders, .responseHeaderNames:
            for index in head.fields.indices {
                let name = bytes.slice(head.fields[index].name)
                if filter.leavesOut(name, isDotted: false, foldsCase: true) { continue }
                if case .responseHeaderNames = copy subject {
                    visitLowercased(name, scratch, body)
                } else {
                    body(bytes.slice(head.fields[index].value))
                }
            }
        case .userID: if !userID.isEmpty { body(userID.span) }
        case .fingerprintSession: visitPrint(fingerprints, fingerprints.session, body)
        default: break
        }
    }
}
