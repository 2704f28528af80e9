// SPDX-License-Identifier: Apache-2.0

import Wire

/// The syntax of HTTP/1.1. What a whole buffer gives, the same bytes must give in whatever pieces they arrive; and what we would
/// write of it, a reader must read as we did.
extension Fuzz {
    static let http = [
        Fuzz(name: "request", run: request), Fuzz(name: "response", run: response),
        Fuzz(name: "trailers", run: trailers), Fuzz(name: "chunked", run: chunked), Fuzz(name: "stream", run: stream),
        Fuzz(name: "path", run: path), Fuzz(name: "cookie", run: cookie),
    ]

    private static func request(_ bytes: Span<UInt8>) {
        var head = RequestHead()
        let whole = parse(bytes, into: &head)
        comparePieces(bytes, whole) { (part, progress) throws(HeadError) -> Int? in
            var pieces = RequestHead()
            let isComplete = try HeadParser.parseRequest(part, limits: HeadLimits(), progress: &progress, into: &pieces)
            precondition(!isComplete || (pieces.fields == head.fields && pieces.target == head.target))
            return isComplete ? pieces.length : nil
        }
        guard case .complete = whole else { return }
        look(bytes, head.fields)
        let framing = try? BodyFraming.request(head, bytes)
        var normal: [UInt8] = []
        RequestTarget.normalise(bytes.slice(head.path), into: &normal)

        // What we would send is read as what we read.
        var output = ByteBuffer()
        Rewriting.write(head, bytes, framing: framing ?? .none, to: &output)
        var again = RequestHead()
        guard case .complete = parse(output.bytes, into: &again) else { preconditionFailure("our own head is refused") }
        precondition(again.length == output.count)
        let sent = output.bytes
        precondition(ByteSearch.equals(bytes.slice(head.methodRange), sent.slice(again.methodRange)))
        // "*" may come of an absolute form without a path, and an empty path becomes "/".
        if !head.path.isEmpty { precondition(ByteSearch.equals(bytes.slice(head.path), sent.slice(again.path))) }
        precondition((head.query == nil) == (again.query == nil))
        if let old = head.query, let new = again.query {
            precondition(ByteSearch.equals(bytes.slice(old), sent.slice(new)))
        }
        if let framing { precondition((try? BodyFraming.request(again, sent)) == framing) }
        precondition(Rewriting.lines(head.fields, bytes) == Rewriting.lines(again.fields, sent))
    }

    private static func response(_ bytes: Span<UInt8>) {
        var head = ResponseHead()
        let whole = parse(bytes, into: &head)
        comparePieces(bytes, whole) { (part, progress) throws(HeadError) -> Int? in
            var pieces = ResponseHead()
            let isComplete = try HeadParser.parseResponse(
                part, limits: HeadLimits(), progress: &progress, into: &pieces)
            precondition(!isComplete || (pieces.fields == head.fields && pieces.status == head.status))
            return isComplete ? pieces.length : nil
        }
        guard case .complete = whole else { return }
        precondition(head.status >= 100 && head.status <= 599)
        look(bytes, head.fields)
        let framing = try? BodyFraming.response(head, bytes, to: .get)
        if let framing, (try? BodyFraming.response(head, bytes, to: .head)) != BodyFraming.none {
            preconditionFailure("a body of HEAD, beside \(framing)")
        }

        var output = ByteBuffer()
        HeadWriter.statusLine(head.status, reason: bytes.slice(head.reason), to: &output)
        Rewriting.writeFields(head.fields, bytes, to: &output)
        HeadWriter.framing(framing ?? .none, to: &output)
        output.append("\r\n")
        var again = ResponseHead()
        guard case .complete = parse(output.bytes, into: &again) else { preconditionFailure("our own head is refused") }
        precondition(again.length == output.count && again.status == head.status)
        if let framing, framing != .none {
            precondition((try? BodyFraming.response(again, output.bytes, to: .get)) == framing)
        }
        precondition(Rewriting.lines(head.fields, bytes) == Rewriting.lines(again.fields, output.bytes))
    }

    private static func trailers(_ bytes: Span<UInt8>) {
        var fields: [HeadField] = []
        var progress = HeadProgress()
        let whole = Outcome { () throws(HeadError) -> Int? in
            try HeadParser.parseTrailers(bytes, limits: HeadLimits(), progress: &progress, into: &fields)
        }
        let found = fields
        comparePieces(bytes, whole) { (part, progress) throws(HeadError) -> Int? in
            let length = try HeadParser.parseTrailers(part, limits: HeadLimits(), progress: &progress, into: &fields)
            precondition(length == nil || fields == found)
            return length
        }
        if case .complete(let length) = whole {
            precondition(length <= bytes.count)
            look(bytes, found)
            for field in found { precondition(field.known.mayBeTrailer) }
        }
    }

    private static func look(_ bytes: Span<UInt8>, _ fields: [HeadField]) {
        for field in fields {
            let name = bytes.slice(field.name)
            let value = bytes.slice(field.value)
            precondition(name.count > 0)
            for index in name.indices { precondition(ByteClass.isToken(name[index])) }
            for index in value.indices { precondition(ByteClass.isFieldValue(value[index])) }
            precondition(ByteSearch.trim(value, ByteRange(0, value.count)).count == value.count)
            precondition(FieldName.recognise(name) == (field.known == .lookalike ? .other : field.known))
        }
    }

    // MARK: Pieces

    /// What parsing came to.
    private enum Outcome: Equatable {
        case incomplete
        case complete(Int)
        case refused(HeadError)

        init(_ parse: () throws(HeadError) -> Int?) {
            do {
                self = try parse().map { .complete($0) } ?? .incomplete
            } catch {
                self = .refused(error)
            }
        }
    }

    private static func parse(_ bytes: Span<UInt8>, into head: inout RequestHead) -> Outcome {
        var progress = HeadProgress()
        do {
            let isComplete = try HeadParser.parseRequest(bytes, limits: HeadLimits(), progress: &progress, into: &head)
            precondition(!isComplete || head.length <= bytes.count)
            return isComplete ? .complete(head.length) : .incomplete
        } catch {
            return .refused(error)
        }
    }

    private static func parse(_ bytes: Span<UInt8>, into head: inout ResponseHead) -> Outcome {
        var progress = HeadProgress()
        do {
            let isComplete = try HeadParser.parseResponse(bytes, limits: HeadLimits(), progress: &progress, into: &head)
            precondition(!isComplete || head.length <= bytes.count)
            return isComplete ? .complete(head.length) : .incomplete
        } catch {
            return .refused(error)
        }
    }

    /// Feeds the bytes in pieces that follow from the bytes themselves. A refusal may come later than from the whole, when no line
    /// has ended since; nothing else may differ.
    private static func comparePieces(
        _ bytes: Span<UInt8>, _ whole: Outcome, _ parse: (Span<UInt8>, inout HeadProgress) throws(HeadError) -> Int?
    ) {
        var cuts = Cuts(bytes)
        var progress = HeadProgress()
        var end = 0
        var last = Outcome.incomplete
        while last == .incomplete && end < bytes.count {
            end = cuts.next(after: end, until: bytes.count)
            do {
                last = try parse(bytes.extracting(0..<end), &progress).map { .complete($0) } ?? .incomplete
            } catch {
                last = .refused(error)
            }
            if case .complete(let length) = last { precondition(length <= end) }
        }
        if last == whole { return }
        if case .refused = whole {
            precondition(last == .incomplete, "\(last) instead of \(whole)")
        } else {
            preconditionFailure("\(last) instead of \(whole)")
        }
    }

    // MARK: Bodies

    private static func chunked(_ bytes: Span<UInt8>) {
        let whole = Decoded(bytes) { _ in bytes.count }
        var cuts = Cuts(bytes)
        let pieces = Decoded(bytes) { cuts.next(after: $0, until: bytes.count) }
        precondition(whole == pieces)
        var byte = 0
        precondition(
            whole
                == Decoded(bytes) { _ in
                    byte += 1
                    return byte
                })
        // What we would write of the data is read as this data.
        var output = ByteBuffer()
        HeadWriter.chunk(whole.data.span, to: &output)
        HeadWriter.lastChunk(trailers: [], bytes, to: &output)
        let count = output.count
        let again = Decoded(output.bytes) { _ in count }
        precondition(again.data == whole.data && again.end == count - 2)
    }

    /// What a chunked body came to.
    private struct Decoded: Equatable {
        var data: [UInt8] = []
        var end: Int?
        var refusal: HeadError?

        init(_ bytes: Span<UInt8>, nextEnd: (Int) -> Int) {
            var decoder = ChunkedDecoder()
            var start = 0
            var end = 0
            while end < bytes.count {
                end = nextEnd(end)
                feeding: while true {
                    let part = bytes.extracting(start..<end)
                    do {
                        switch try decoder.next(part) {
                        case .needMore(let consumed):
                            start += consumed
                            break feeding
                        case .data(let range):
                            precondition(!range.isEmpty)
                            data.append(part.slice(range))
                            start += Int(range.end)
                        case .lastChunk(let consumed):
                            self.end = start + consumed
                            return
                        }
                    } catch {
                        refusal = error
                        return
                    }
                }
            }
        }
    }

    /// A connection with many requests: the same messages come out of any pieces, and out of what we would send of them.
    private static func stream(_ bytes: Span<UInt8>) {
        let whole = Rewriting(bytes) { _ in bytes.count }
        var cuts = Cuts(bytes)
        let pieces = Rewriting(bytes) { cuts.next(after: $0, until: bytes.count) }
        precondition(pieces.messages == whole.messages)
        // A body that was cut off leaves us with less than a message, never with another one.
        let again = Rewriting(whole.output.bytes) { _ in whole.output.count }
        precondition(again.messages == whole.messages && !again.wasRefused)
    }

    // MARK: Paths and cookies

    private static func path(_ bytes: Span<UInt8>) {
        var normal: [UInt8] = []
        RequestTarget.normalise(bytes, into: &normal)
        precondition(normal.first == UInt8(ascii: "/") && normal.count <= bytes.count + 1)
        for start in normal.indices where normal[start] == UInt8(ascii: "/") {
            let segment = normal[(start + 1)...].prefix { $0 != UInt8(ascii: "/") }
            precondition(!segment.isEmpty || start == normal.count - 1)
            precondition(!segment.elementsEqual(".".utf8) && !segment.elementsEqual("..".utf8))
        }
        var encoded: [UInt8] = []
        for byte in normal { if byte == UInt8(ascii: "%") { encoded.append("%25") } else { encoded.append(byte) } }
        var again: [UInt8] = []
        RequestTarget.normalise(encoded.span, into: &again)
        precondition(again == normal)
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
