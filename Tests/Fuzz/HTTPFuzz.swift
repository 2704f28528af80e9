// SPDX-License-Identifier: Apache-2.0

import Wire

/// The syntax of HTTP/1.1. What a whole buffer gives, the same bytes must give when they arrive one by one.
extension Fuzz {
    static let http = [
        Fuzz(name: "request", run: request), Fuzz(name: "response", run: response),
        Fuzz(name: "trailers", run: trailers),
        Fuzz(name: "chunked", run: chunked), Fuzz(name: "path", run: path), Fuzz(name: "cookie", run: cookie),
    ]

    /// Longest input that is also fed byte by byte.
    private static let dripping = 512

    private static func request(_ bytes: Span<UInt8>) {
        var head = RequestHead()
        var progress = HeadProgress()
        guard (try? HeadParser.parseRequest(bytes, limits: HeadLimits(), progress: &progress, into: &head)) == true
        else { return }
        precondition(head.length <= bytes.count)
        look(bytes, head.fields)
        _ = bytes.slice(head.methodRange)
        _ = bytes.slice(head.target)
        _ = bytes.slice(head.authority)
        _ = try? BodyFraming.request(head, bytes)
        var normal: [UInt8] = []
        RequestTarget.normalise(bytes.slice(head.path), into: &normal)
        if let query = head.query {
            var values = NamedValues()
            FormReader.read(bytes.slice(query), into: &values)
        }
        let length = head.length
        drip(bytes, length) { part, progress in
            try? HeadParser.parseRequest(part, limits: HeadLimits(), progress: &progress, into: &head)
        }
        precondition(length > dripping || head.length == length)
    }

    private static func response(_ bytes: Span<UInt8>) {
        var head = ResponseHead()
        var progress = HeadProgress()
        guard (try? HeadParser.parseResponse(bytes, limits: HeadLimits(), progress: &progress, into: &head)) == true
        else { return }
        precondition(head.length <= bytes.count && head.status >= 100 && head.status <= 999)
        look(bytes, head.fields)
        for method in [HTTPMethod.get, .head] { _ = try? BodyFraming.response(head, bytes, to: method) }
        drip(bytes, head.length) { part, progress in
            try? HeadParser.parseResponse(part, limits: HeadLimits(), progress: &progress, into: &head)
        }
    }

    private static func trailers(_ bytes: Span<UInt8>) {
        var fields: [HeadField] = []
        var progress = HeadProgress()
        let length = try? HeadParser.parseTrailers(bytes, limits: HeadLimits(), progress: &progress, into: &fields)
        guard let length else { return }
        precondition(length <= bytes.count)
        look(bytes, fields)
        drip(bytes, length) { part, progress in
            (try? HeadParser.parseTrailers(part, limits: HeadLimits(), progress: &progress, into: &fields)) != nil
        }
    }

    /// A message of `length` bytes is complete when its last byte arrives, not before and not refused on the way.
    private static func drip(_ bytes: Span<UInt8>, _ length: Int, _ parse: (Span<UInt8>, inout HeadProgress) -> Bool?) {
        if length > dripping { return }
        var progress = HeadProgress()
        for end in 1...length {
            let isComplete = parse(bytes.extracting(0..<end), &progress)
            precondition(isComplete == (end == length), "byte \(end) of \(length)")
        }
    }

    private static func look(_ bytes: Span<UInt8>, _ fields: [HeadField]) {
        for field in fields {
            let name = bytes.slice(field.name)
            let value = bytes.slice(field.value)
            precondition(name.count > 0)
            for index in 0..<value.count { precondition(value[index] != 10 && value[index] != 13 && value[index] != 0) }
        }
    }

    /// The first byte says where the rest is cut in two; the data must be the same as without the cut.
    private static func chunked(_ bytes: Span<UInt8>) {
        if bytes.isEmpty { return }
        let body = bytes.extracting(1..<bytes.count)
        let whole = decode(body, cuts: [body.count])
        let parts = decode(body, cuts: [Int(bytes[0]) * body.count / 255, body.count])
        precondition(whole?.data == parts?.data && whole?.end == parts?.end)
    }

    private struct Decoded {
        var data: [UInt8] = []
        var end: Int?
    }

    private static func decode(_ bytes: Span<UInt8>, cuts: [Int]) -> Decoded? {
        var decoder = ChunkedDecoder()
        var result = Decoded()
        var place = 0
        for cut in cuts {
            feeding: while place <= cut {
                guard let step = try? decoder.next(bytes.extracting(place..<cut)) else { return nil }
                switch step {
                case .needMore(let consumed):
                    place += consumed
                    if consumed == 0 || place == cut { break feeding }
                case .data(let range):
                    result.data.append(bytes.extracting(place..<cut).slice(range))
                    place += Int(range.end)
                case .lastChunk(let consumed):
                    result.end = place + consumed
                    return result
                }
            }
        }
        return result
    }

    private static func path(_ bytes: Span<UInt8>) {
        var normal: [UInt8] = []
        RequestTarget.normalise(bytes, into: &normal)
        precondition(normal.first == UInt8(ascii: "/") && normal.count <= bytes.count + 2)
        let text = String(decoding: normal, as: UTF8.self) + "/"
        precondition(!text.contains("/../") && !text.contains("/./") && !text.dropLast().contains("//"))
    }

    private static func cookie(_ bytes: Span<UInt8>) {
        var place = 0
        var count = 0
        while let (name, value) = CookieReader.next(in: bytes, from: &place) {
            _ = bytes.slice(name)
            _ = bytes.slice(value)
            count += 1
            precondition(count <= bytes.count + 1)
        }
    }
}
