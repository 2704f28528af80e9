// SPDX-License-Identifier: Apache-2.0

import Wire

/// The whole way of requests and answers, with the cuts between pieces as the only difference: what comes out at the other end must be
/// the same, and what the server gets must be requests that a strict reader accepts.
extension Fuzz {
    static let exchanges = [
        Fuzz(name: "exchange-request", run: exchangeRequest), Fuzz(name: "exchange-response", run: exchangeResponse),
        Fuzz(name: "exchange-http2", run: exchangeHTTP2),
    ]

    private final class Bench {
        let rig = ExchangeRig()
    }

    // Fuzzing has one thread.
    nonisolated(unsafe) private static let bench = Bench()

    private static func exchangeRequest(_ bytes: Span<UInt8>) {
        if bytes.count > 16_384 { return }
        guard let rig = unsafe bench.rig else { preconditionFailure("no gate could be made") }
        var all: [UInt8] = []
        all.append(bytes)
        // A line that has not ended may be refused now or later.
        all += Array("\r\n\r\n".utf8)
        let whole = rig.run(client: all, server: .good) { _, count in count }
        var cuts = Cuts(bytes)
        let pieces = rig.run(client: all, server: .good) { cuts.next(after: $0, until: $1) }
        let (sent, sentAgain) = (requests(whole.toServer), requests(pieces.toServer))
        precondition(sent.messages == sentAgain.messages, "the server got something else")
        precondition(!sent.wasRefused && !sentAgain.wasRefused, "the server got what is no request")
        precondition(scrub(whole.toClient) == scrub(pieces.toClient), "the client got something else")
    }

    /// Frames behind a good beginning: whatever they are, the server gets requests that a strict reader accepts.
    private static func exchangeHTTP2(_ bytes: Span<UInt8>) {
        if bytes.count > 16_384 { return }
        guard let rig = unsafe bench.rig else { preconditionFailure("no gate could be made") }
        var all = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]
        all.append(bytes)
        let whole = rig.run(client: all, server: .good) { _, count in count }
        var cuts = Cuts(bytes)
        let pieces = rig.run(client: all, server: .good) { cuts.next(after: $0, until: $1) }
        for bytes in whole.toServers + pieces.toServers {
            precondition(!requests(bytes).wasRefused, "the server got what is no request")
        }
    }

    /// The first byte chooses the request, and whether the server closes behind its bytes.
    private static func exchangeResponse(_ bytes: Span<UInt8>) {
        if bytes.count < 2 || bytes.count > 16_384 { return }
        guard let rig = unsafe bench.rig else { preconditionFailure("no gate could be made") }
        var all: [UInt8] = []
        all.append(bytes.extracting(1..<bytes.count))
        all += Array("\r\n\r\n".utf8)
        let choice = Int(bytes[0])
        let request = asked[choice % asked.count]
        let server = ExchangeRig.Server.bytes(all, ends: choice & 0x40 != 0)
        let whole = rig.run(client: Array(request.text.utf8), server: server) { _, count in count }
        var cuts = Cuts(bytes)
        let pieces = rig.run(client: Array(request.text.utf8), server: server) { cuts.next(after: $0, until: $1) }
        var (one, two) = (ResponseSight(), ResponseSight())
        one.look(at: whole.toClient.span, method: request.method)
        two.look(at: pieces.toClient.span, method: request.method)
        precondition(!one.isMalformed && !two.isMalformed, "the client got what is no answer")
        precondition(one.isComplete == two.isComplete, "complete one way, cut off the other")
        if one.isComplete { precondition(one == two, "the client got something else") }
    }

    private static let asked: [(text: String, method: HTTPMethod)] = [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", .get), ("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", .head),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", .post),
        ("GET / HTTP/1.0\r\nHost: a\r\n\r\n", .get),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", .get),
    ]

    private static func requests(_ bytes: [UInt8]) -> (messages: [Rewriting.Message], wasRefused: Bool) {
        let read = Rewriting(bytes.span) { _ in bytes.count }
        var messages = read.messages
        for index in messages.indices {
            messages[index].line = scrub(messages[index].line)
            messages[index].fields.removeAll { ResponseSight.isOurs($0) }
        }
        return (messages, read.wasRefused)
    }

    /// Without lines that are new each time, and without 100 Continue, which is sent only to a client that waits.
    private static func scrub(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        for line in bytes.split(separator: 10, omittingEmptySubsequences: false) where !ResponseSight.isOurs(line) {
            out += line
            out.append(10)
        }
        let interim = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
        while let start = first(of: interim, in: out) { out.removeSubrange(start..<(start + interim.count)) }
        return out
    }

    private static func first(of word: [UInt8], in bytes: [UInt8]) -> Int? {
        if bytes.count < word.count { return nil }
        return (0...(bytes.count - word.count)).first { bytes[$0..<($0 + word.count)].elementsEqual(word) }
    }
}

/// What a client sees of the answers to one request. A value.
struct ResponseSight: Equatable {
    private(set) var heads: [[UInt8]] = []
    private(set) var body: [UInt8] = []
    private(set) var isComplete = false
    private(set) var isMalformed = false

    /// `Date` and the request id differ each time.
    static func isOurs(_ line: some Collection<UInt8>) -> Bool {
        let start = String(decoding: line.prefix(13), as: UTF8.self).lowercased()
        return start.hasPrefix("date:") || start.hasPrefix("x-request-id:")
    }

    mutating func look(at bytes: Span<UInt8>, method: HTTPMethod) {
        var start = 0
        while true {
            let rest = bytes.extracting(start..<bytes.count)
            var head = ResponseHead()
            var progress = HeadProgress()
            do {
                if try !HeadParser.parseResponse(rest, limits: HeadLimits(), progress: &progress, into: &head) {
                    return
                }
                note(head, rest)
                start += head.length
                let behind = bytes.extracting(start..<bytes.count)
                if head.status == 101 {
                    body.append(behind)
                    isComplete = true
                    return
                }
                if head.status < 200 { continue }
                try read(BodyFraming.response(head, rest, to: method), behind)
                return
            } catch {
                isMalformed = true
                return
            }
        }
    }

    private mutating func note(_ head: borrowing ResponseHead, _ bytes: Span<UInt8>) {
        var text = Array("\(head.status)".utf8)
        for index in head.fields.indices {
            var line: [UInt8] = []
            line.append(bytes.slice(head.fields[index].name))
            line.append(UInt8(ascii: ":"))
            line.append(bytes.slice(head.fields[index].value))
            if !Self.isOurs(line) { text += [10] + line }
        }
        heads.append(text)
    }

    private mutating func read(_ framing: BodyFraming, _ bytes: Span<UInt8>) throws(HeadError) {
        switch framing {
        case .none: isComplete = true
        case .untilClose:
            // A Unix socket does not show whether it was closed or reset, so such a body never counts as complete.
            body.append(bytes)
        case .length(let count):
            body.append(bytes.extracting(0..<min(bytes.count, Int(count))))
            isComplete = bytes.count >= Int(count)
        case .chunked:
            var decoder = ChunkedDecoder()
            var start = 0
            while true {
                let part = bytes.extracting(start..<bytes.count)
                switch try decoder.next(part) {
                case .needMore(let consumed):
                    if consumed == 0 { return }
                    start += consumed
                case .data(let range):
                    body.append(part.slice(range))
                    start += Int(range.end)
                case .lastChunk(let consumed):
                    var progress = HeadProgress()
                    var trailers: [HeadField] = []
                    let tail = bytes.extracting((start + consumed)..<bytes.count)
                    isComplete =
                        try HeadParser.parseTrailers(tail, limits: HeadLimits(), progress: &progress, into: &trailers)
                        != nil
                    return
                }
            }
        }
    }
}
