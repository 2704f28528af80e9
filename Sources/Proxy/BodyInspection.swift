// SPDX-License-Identifier: Apache-2.0
import Wire

/// Turns a gathered body into names and values: undoes its content coding, picks the reader by its media type.
enum BodyInspection {
    private enum Form {
        case urlEncoded, json, multipart, other
    }

    static func isDecoded(_ exchange: Exchange) -> Bool {
        exchange.request.contains(.contentEncoding) && !exchange.body.isEmpty
    }

    /// Fills `queryValues`, `bodyValues` and `decodedBody`. What cannot be read is a refusal for the caller to weigh, never silence.
    static func read(_ exchange: Exchange, _ worker: Worker) -> Refusal? {
        let bytes = exchange.requestSpan
        if let query = exchange.request.query {
            FormReader.read(bytes.slice(query), into: &exchange.queryValues)
        }
        if exchange.body.isEmpty { return exchange.queryValues.isIncomplete ? .overBody : nil }
        if let refusal = decode(exchange, worker) { return refusal }
        let content = isDecoded(exchange) ? exchange.decodedBody : exchange.body
        let type = contentType(of: exchange)
        do throws(ContentError) {
            switch form(of: type.span) {
            case .urlEncoded: FormReader.read(content.span, into: &exchange.bodyValues)
            case .json: try JSONReader.read(content.span, into: &exchange.bodyValues)
            case .multipart:
                guard let boundary = MultipartReader.boundary(ofContentType: type.span) else { return .malformedBody }
                try MultipartReader.read(content.span, boundary: type.span.slice(boundary), into: &exchange.bodyValues)
            case .other: break
            }
        } catch {
            return .malformedBody
        }
        return exchange.bodyValues.isIncomplete || exchange.queryValues.isIncomplete ? .overBody : nil
    }

    private static func decode(_ exchange: Exchange, _ worker: Worker) -> Refusal? {
        let bytes = exchange.requestSpan
        guard exchange.request.contains(.contentEncoding) else { return nil }
        var coding: ContentCoding?
        for index in exchange.request.fields.indices where exchange.request.fields[index].known == .contentEncoding {
            let value = exchange.request.fields[index].value
            if isIdentity(bytes.slice(value)) { continue }
            guard coding == nil, let known = ContentCoding(bytes.slice(value)) else { return .unreadableEncoding }
            coding = known
        }
        let body = exchange.body
        guard let coding else {
            exchange.decodedBody.append(body.span)
            return nil
        }
        do throws(ContentError) {
            let whole = try worker.inflater.inflate(
                body.span, encoding: coding, limit: exchange.policy.limits.inspectedBytes, into: &exchange.decodedBody)
            return whole ? nil : .overBody
        } catch {
            return .malformedBody
        }
    }

    static func isIdentity(_ name: Span<UInt8>) -> Bool { ByteSearch.equalsIgnoringCase(name, "identity".utf8.span) }

    private static func contentType(of exchange: Exchange) -> [UInt8] {
        let bytes = exchange.requestSpan
        var type: [UInt8] = []
        if let index = exchange.request.first(.contentType) {
            type.append(bytes.slice(exchange.request.fields[index].value))
        }
        return type
    }

    private static func form(of type: Span<UInt8>) -> Form {
        MediaType.isForm(type)
            ? .urlEncoded : MediaType.isJSON(type) ? .json : MediaType.isMultipart(type) ? .multipart : .other
    }
}

/// The media types whose bodies are read (RFC 9110 §8.3.1); parameters are ignored.
enum MediaType {
    static func isForm(_ type: Span<UInt8>) -> Bool {
        ByteSearch.equalsIgnoringCase(essence(type), "application/x-www-form-urlencoded".utf8.span)
    }

    static func isMultipart(_ type: Span<UInt8>) -> Bool {
        ByteSearch.equalsIgnoringCase(essence(type), "multipart/form-data".utf8.span)
    }

    /// `application/json`, `text/json`, and everything that ends in `+json`.
    static func isJSON(_ type: Span<UInt8>) -> Bool {
        let name = essence(type)
        if name.count < 5 { return false }
        let tail = name.extracting((name.count - 5)..<name.count)
        return ByteSearch.equalsIgnoringCase(tail, "/json".utf8.span)
            || ByteSearch.equalsIgnoringCase(tail, "+json".utf8.span)
    }

    @_lifetime(copy type)
    private static func essence(_ type: Span<UInt8>) -> Span<UInt8> {
        var end = 0
        while end < type.count && type[end] != UInt8(ascii: ";") { end += 1 }
        while end > 0 && (type[end - 1] == 32 || type[end - 1] == 9) { end -= 1 }
        return type.extracting(0..<end)
    }
}
