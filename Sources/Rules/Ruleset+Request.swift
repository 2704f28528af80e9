// SPDX-License-Identifier: Apache-2.0
public import Wire

/// The request phases: finds the values of each subject and hands them to the tests.
extension Ruleset {
    /// Rules that need only the head are decided here. `path` is the normalised one.
    public func inspectRequestHead(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>, path: Span<UInt8>, facts: ExchangeFacts,
        state: inout Evaluation, scratch: EvaluationScratch
    ) -> Verdict {
        if isEmpty { return .allow }
        state.unixSeconds = facts.unixSeconds
        if needsQueryValues {
            scratch.query.reset()
            if let query = head.query { FormReader.read(bytes.slice(query), into: &scratch.query) }
        }
        let fingerprints = needsFingerprints ? state.fingerprints : Fingerprints()
        let otherLengths = InputGuide.otherLengths(head)
        for index in inputRanges[Phase.requestHead.rawValue] {
            let guide = guides[index]
            if guide.mask != 0 && head.presence & guide.mask == 0 || guide.needsQuery && head.query == nil { continue }
            if guide.lengthBit != 0 && guide.lengthBit & otherLengths == 0 { continue }
            if guide.onlyExistsBit >= 0 {
                state.set(guide.onlyExistsBit)
                continue
            }
            let input = inputs[index]
            if guide.isKnownHeader {
                for place in head.fields.indices where head.fields[place].known == guide.known {
                    look(input, at: bytes.slice(head.fields[place].value), &state, scratch)
                }
                continue
            }
            visitHead(input.subject, input.filter, head, bytes, path, facts, fingerprints, scratch) { value in
                look(input, at: value, &state, scratch)
            }
        }
        return decide(.requestHead, facts, &state)
    }

    /// Rules that need the body, decoded into names and values, or the typed name of a login. Runs also when there is no body: its values are
    /// missing then.
    public func inspectRequestBody(
        _ values: borrowing NamedValues, raw: Span<UInt8>, facts: ExchangeFacts, state: inout Evaluation,
        scratch: EvaluationScratch
    ) -> Verdict {
        if isEmpty { return .allow }
        state.unixSeconds = facts.unixSeconds
        for index in inputRanges[Phase.requestBody.rawValue] {
            let input = inputs[index]
            visitBody(input.subject, input.filter, values, raw, state.login, state.hasLogin, state.fingerprints) {
                value in
                look(input, at: value, &state, scratch)
            }
        }
        return decide(.requestBody, facts, &state)
    }

    // MARK: Values

    func visitHead(
        _ subject: borrowing Subject, _ filter: borrowing ValueFilter, _ head: borrowing RequestHead,
        _ bytes: Span<UInt8>, _ path: Span<UInt8>, _ facts: ExchangeFacts, _ fingerprints: Fingerprints,
        _ scratch: EvaluationScratch,
        _ body: (Span<UInt8>) -> Void
    ) {
        switch subject {
        case .clientIP: visitAddress(facts.client, scratch, body)
        case .clientPeer: visitAddress(facts.peer, scratch, body)
        case .method: body(bytes.slice(head.methodRange))
        case .path: body(path)
        case .target: body(bytes.slice(head.target))
        case .query: if let query = head.query { body(bytes.slice(query)) }
        case .queryValue(let name):
            let values = scratch.query
            visitNamed(name.span, values, body)
        case .queryValues, .queryNames:
            let values = scratch.query
            if case .queryNames = copy subject {
                visitNames([], filter, values, isDotted: false, body)
            } else {
                visitValues(filter, values, isDotted: false, body)
            }
        case .header(let name):
            for index in head.fields.indices
            where head.fields[index].name.count == name.count
                && ByteSearch.equalsIgnoringCase(bytes.slice(head.fields[index].name), name.span)
            {
                body(bytes.slice(head.fields[index].value))
            }
        case .headers, .headersNoCookies, .headerNames: visitFields(subject, filter, head, bytes, scratch, body)
        case .cookies, .cookieNames: visitCookies(subject, filter, head, bytes, body)
        case .cookie(let name): visitCookies(name.span, head, bytes, body)
        case .host: if !head.authority.isEmpty { body(RequestTarget.host(of: bytes.slice(head.authority))) }
        case .scheme: if facts.isSecure { body("https".utf8.span) } else { body("http".utf8.span) }
        case .version:
            switch head.version {
            case .http11: body("1.1".utf8.span)
            case .http10: body("1.0".utf8.span)
            case .http2: body("2".utf8.span)
            }
        case .fingerprintHeader: visitPrint(fingerprints, fingerprints.header, body)
        case .fingerprintNetwork: visitPrint(fingerprints, fingerprints.network, body)
        case .fingerprintHTTP2: visitPrint(fingerprints, fingerprints.http2, body)
        case .fingerprintClient: visitPrint(fingerprints, fingerprints.client, body)
        case .fingerprintJA4: visitPrint(fingerprints, fingerprints.ja4, body)
        case .fingerprintJA3: visitPrint(fingerprints, fingerprints.ja3, body)
        default: break
        }
    }

    func visitBody(
        _ subject: borrowing Subject, _ filter: borrowing ValueFilter, _ values: borrowing NamedValues,
        _ raw: Span<UInt8>, _ login: [UInt8], _ hasLogin: Bool,
        _ fingerprints: Fingerprints, _ body: (Span<UInt8>) -> Void
    ) {
        switch subject {
        case .body: visitValues(filter, values, isDotted: true, body)
        case .bodyTree(let name):
            visitTree(name, filter, values, body)
            // A body of no known form is one text.
            if name.isEmpty && values.entries.isEmpty && !raw.isEmpty { body(raw) }
        case .bodyNames(let name): visitNames(name, filter, values, isDotted: true, body)
        case .fileNames: visitFileNames(filter, values, body)
        case .bodyValue(let name): visitNamed(name.span, values, body)
        case .bodyText: if !raw.isEmpty { body(raw) }
        case .userLogin: if hasLogin { body(login.span) }
        case .fingerprintHTTP: visitPrint(fingerprints, fingerprints.http, body)
        default: break
        }
    }

    func visitNamed(_ name: Span<UInt8>, _ values: borrowing NamedValues, _ body: (Span<UInt8>) -> Void) {
        for index in values.entries.indices
        where ByteSearch.equals(values.arena.span.slice(values.entries[index].name), name) {
            body(values.arena.span.slice(values.entries[index].value))
        }
    }

    func visitPrint(_ fingerprints: Fingerprints, _ range: ByteRange, _ body: (Span<UInt8>) -> Void) {
        let bytes = fingerprints.bytes
        if !range.isEmpty { body(bytes.span.slice(range)) }
    }

    private func visitAddress(_ address: IPAddress, _ scratch: EvaluationScratch, _ body: (Span<UInt8>) -> Void) {
        scratch.text.removeAll(keepingCapacity: true)
        address.write(to: &scratch.text)
        let text = scratch.text
        body(text.span)
    }

    private func visitCookies(
        _ name: Span<UInt8>, _ head: borrowing RequestHead, _ bytes: Span<UInt8>, _ body: (Span<UInt8>) -> Void
    ) {
        for index in head.fields.indices where head.fields[index].known == .cookie {
            let value = bytes.slice(head.fields[index].value)
            var from = 0
            while let pair = CookieReader.next(in: value, from: &from) {
                if ByteSearch.equals(value.slice(pair.name), name) { body(value.slice(pair.value)) }
            }
        }
    }
}
