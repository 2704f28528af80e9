// SPDX-License-Identifier: Apache-2.0
public import Wire

/// Takes the shape of an answer. Stateless; called on a loop, for routes without outcome tests only.
public enum AnswerReader {
    /// Bytes of a page in which a password field is looked for.
    private static let pageLimit = 64 * 1024

    public static func shape(
        of response: borrowing ResponseHead, _ bytes: Span<UInt8>, body: Span<UInt8>, values: borrowing NamedValues,
        to request: borrowing RequestHead, _ requestBytes: Span<UInt8>, path: Span<UInt8>
    ) -> AnswerShape {
        var shape = AnswerShape(status: UInt16(clamping: response.status), signs: [])
        if (300..<400).contains(response.status), let index = response.first(.location) {
            readLocation(bytes.slice(response.fields[index].value), request, requestBytes, path, &shape)
        }
        for index in response.fields.indices where response.fields[index].known == .setCookie {
            let value = bytes.slice(response.fields[index].value)
            guard let pair = SetCookie.pair(value), !pair.value.isEmpty, !isAgainstForgery(value.slice(pair.name))
            else { continue }
            if !has(value.slice(pair.name), value.slice(pair.value), request, requestBytes) {
                shape.signs.insert(.setsCookie)
            }
        }
        readBody(
            body, values, type: response.first(.contentType).map { response.fields[$0].value } ?? .empty, bytes, &shape)
        return shape
    }

    // MARK: Location

    private static func readLocation(
        _ location: Span<UInt8>, _ request: borrowing RequestHead, _ requestBytes: Span<UInt8>, _ path: Span<UInt8>,
        _ shape: inout AnswerShape
    ) {
        shape.signs.insert(.redirects)
        let target = targetPath(location)
        var hash = StableHash()
        for index in target.indices where target[index] < 48 || target[index] > 57 { hash.add(byte: target[index]) }
        shape.location = UInt32(truncatingIfNeeded: hash.value) | 1
        var isBack = ByteSearch.equals(target, path)
        if let referer = request.first(.referer) {
            let from = targetPath(requestBytes.slice(request.fields[referer].value))
            if ByteSearch.equals(target, from) { isBack = true }
        }
        if isBack || OutcomeTest.contains(location, "error".utf8.span)
            || OutcomeTest.contains(location, "fail".utf8.span)
            || OutcomeTest.contains(location, "login".utf8.span) || OutcomeTest.contains(location, "signin".utf8.span)
        {
            shape.signs.insert(.redirectsBack)
        }
    }

    /// The path of a reference, absolute or not, without its query.
    @_lifetime(copy reference)
    private static func targetPath(_ reference: Span<UInt8>) -> Span<UInt8> {
        var start = 0
        if let colon = ByteSearch.find(UInt8(ascii: ":"), in: reference), colon + 2 < reference.count,
            reference[colon + 1] == UInt8(ascii: "/"), reference[colon + 2] == UInt8(ascii: "/")
        {
            start = ByteSearch.find(UInt8(ascii: "/"), in: reference, from: colon + 3) ?? reference.count
        }
        var end = start
        while end < reference.count && reference[end] != UInt8(ascii: "?") && reference[end] != UInt8(ascii: "#") {
            end += 1
        }
        return reference.extracting(start..<end)
    }

    // MARK: Cookies

    private static func isAgainstForgery(_ name: Span<UInt8>) -> Bool {
        var lower: [UInt8] = []
        for index in name.indices { lower.append(ByteSearch.lowercased(name[index])) }
        return OutcomeTest.contains(lower.span, "csrf".utf8.span) || OutcomeTest.contains(lower.span, "xsrf".utf8.span)
            || OutcomeTest.contains(lower.span, "antiforgery".utf8.span)
            || OutcomeTest.contains(lower.span, "flash".utf8.span)
    }

    private static func has(
        _ name: Span<UInt8>, _ value: Span<UInt8>, _ request: borrowing RequestHead, _ bytes: Span<UInt8>
    ) -> Bool {
        for index in request.fields.indices where request.fields[index].known == .cookie {
            let cookies = bytes.slice(request.fields[index].value)
            var from = 0
            while let pair = CookieReader.next(in: cookies, from: &from) {
                if ByteSearch.equals(cookies.slice(pair.name), name)
                    && ByteSearch.equals(cookies.slice(pair.value), value)
                {
                    return true
                }
            }
        }
        return false
    }

    // MARK: Body

    private static func readBody(
        _ body: Span<UInt8>, _ values: borrowing NamedValues, type: ByteRange, _ bytes: Span<UInt8>,
        _ shape: inout AnswerShape
    ) {
        if body.isEmpty {
            shape.signs.insert(.isEmpty)
            return
        }
        if !values.entries.isEmpty {
            shape.signs.insert(.isJSON)
            readNames(values, &shape)
            return
        }
        var length = UInt8(0)
        while length < 63 && body.count >> Int(length) > 0 { length += 1 }
        shape.length = length
        let isHTML = OutcomeTest.contains(bytes.slice(type), "html".utf8.span)
        if isHTML { shape.signs.insert(.isHTML) }
        let page = body.extracting(0..<min(body.count, pageLimit))
        if isHTML
            && (OutcomeTest.contains(page, "type=\"password\"".utf8.span)
                || OutcomeTest.contains(page, "type='password'".utf8.span))
        {
            shape.signs.insert(.asksPassword)
        }
    }

    private static func readNames(_ values: borrowing NamedValues, _ shape: inout AnswerShape) {
        let arena = values.arena
        var hash = StableHash()
        for index in 0..<min(values.entries.count, 64) {
            let entry = values.entries[index]
            let name = arena.span.slice(entry.name)
            hash.add(name)
            if entry.kind == .null || entry.value.isEmpty { continue }
            let top = ByteSearch.find(UInt8(ascii: "."), in: name) ?? name.count
            let word = name.extracting(0..<top)
            if hasSuffix(word, "token".utf8.span) || hasSuffix(word, "Token".utf8.span)
                || ByteSearch.equals(word, "jwt".utf8.span)
            {
                if !ByteSearch.hasPrefixIgnoringCase(word, "csrf".utf8.span) { shape.signs.insert(.hasToken) }
            }
            if ByteSearch.hasPrefixIgnoringCase(word, "error".utf8.span) { shape.signs.insert(.namesError) }
            let value = arena.span.slice(entry.value)
            let isFalse = entry.kind == .boolean && ByteSearch.equals(value, "false".utf8.span)
            if isFalse && (ByteSearch.equals(word, "success".utf8.span) || ByteSearch.equals(word, "ok".utf8.span)) {
                shape.signs.insert(.namesError)
            }
        }
        shape.keys = UInt32(truncatingIfNeeded: hash.value) | 1
    }

    private static func hasSuffix(_ text: Span<UInt8>, _ end: Span<UInt8>) -> Bool {
        text.count >= end.count && ByteSearch.equals(text.extracting((text.count - end.count)..<text.count), end)
    }
}
