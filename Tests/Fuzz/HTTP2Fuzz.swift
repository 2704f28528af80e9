// SPDX-License-Identifier: Apache-2.0

import HTTP2
import Wire

/// What HTTP/2 becomes on its way to HTTP/1.1: exactly one request a stream, with no field that the client did not send as one; and
/// nothing depends on the pieces in which the frames come.
extension Fuzz {
    static let http2 = [Fuzz(name: "http2-fields", run: http2Fields), Fuzz(name: "http2-frames", run: http2Frames)]

    /// Names and values, each behind a byte with its length.
    private static func http2Fields(_ bytes: Span<UInt8>) {
        var request = RequestText(limit: 8_192)
        var sent: [[UInt8]] = []
        var place = 0
        func next() -> ByteRange? {
            guard place < bytes.count else { return nil }
            let end = min(bytes.count, place + 1 + Int(bytes[place]))
            defer { place = end }
            return ByteRange(place + 1, end)
        }
        while let name = next(), let value = next() {
            request.add(bytes.slice(name), bytes.slice(value))
            var text: [UInt8] = []
            text.append(bytes.slice(name))
            sent.append(text)
        }
        var text = ByteBuffer()
        request.finish(into: &text)
        if request.problem != nil {
            precondition(text.isEmpty, "a refused request was written")
            return
        }
        var head = RequestHead()
        var progress = HeadProgress()
        do throws(HeadError) {
            let isWhole = try HeadParser.parseRequest(
                text.bytes, limits: HeadLimits(), progress: &progress, into: &head)
            precondition(isWhole && head.length == text.count, "not one whole request")
        } catch {
            return
        }
        precondition(head.fields.count <= sent.count, "more fields than were sent")
        for field in head.fields where field.known != .host {
            var name: [UInt8] = []
            name.append(text.bytes.slice(field.name))
            precondition(sent.contains(name), "a field that was not sent")
        }
    }

    private struct Seen: Equatable {
        var id: Int32
        var text: [UInt8]
        var ended: Bool
        var problem: HeadError?
    }

    private static func http2Frames(_ bytes: Span<UInt8>) {
        if bytes.count > 32_768 { return }
        var all = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]
        all.append(bytes)
        let whole = streams(all) { $0 }
        var cuts = Cuts(bytes)
        let pieces = streams(all) { cuts.next(after: 0, until: $0) }
        // Whoever is cut off loses what came in the same piece.
        guard let whole, let pieces else { return }
        precondition(whole == pieces, "the pieces made a difference")
    }

    /// Without the borders of the chunks, which stand where the pieces of DATA ended.
    private static func joined(_ text: [UInt8]) -> [UInt8] {
        let empty = Array("\r\n\r\n".utf8)
        guard let end = text.indices.first(where: { text[$0...].starts(with: empty) }) else { return text }
        var out = Array(text[..<end])
        var rest = Array(text[(end + 4)...])
        var decoder = ChunkedDecoder()
        while !rest.isEmpty {
            do throws(HeadError) {
                switch try decoder.next(rest.span) {
                case .data(let range):
                    out += rest[range.bounds]
                    rest.removeFirst(Int(range.end))
                case .needMore(let consumed):
                    precondition(consumed > 0, "a chunk of ours is not whole")
                    rest.removeFirst(consumed)
                case .lastChunk(let consumed):
                    rest.removeFirst(consumed)
                    return out + rest
                }
            } catch {
                preconditionFailure("our own chunks are refused")
            }
        }
        return out
    }

    /// What every stream brought. Each is answered as soon as its head is there.
    private static func streams(_ bytes: [UInt8], cut: (Int) -> Int) -> [Seen]? {
        let session = HTTP2Session(settings: .init(), now: 0)
        var seen: [Seen] = []
        var output = ByteBuffer()
        var place = 0
        var answer = ResponseHead()
        var progress = HeadProgress()
        let text = Array("HTTP/1.1 200 OK\r\nX-A: b\r\n\r\n".utf8)
        _ = try? HeadParser.parseResponse(text.span, limits: HeadLimits(), progress: &progress, into: &answer)
        while place < bytes.count {
            let count = max(1, min(cut(bytes.count - place), bytes.count - place))
            session.receive(Array(bytes[place..<place + count]).span, now: 0)
            place += count
        }
        // A stream that is broken ends when that is sent.
        let isCutOff = session.isBroken
        session.produce(into: &output, limit: 1 << 20)
        while let stream = session.nextTouched() {
            var request = ByteBuffer()
            _ = session.take(stream, into: &request)
            var taken: [UInt8] = []
            taken.append(request)
            // How much of a body was there before its stream or its connection was broken is a matter of the pieces.
            if stream.isClosed || session.isOver {
                taken = []
            } else if stream.framing == .chunked {
                taken = joined(taken)
            }
            seen.append(Seen(id: stream.id, text: taken, ended: stream.requestEnded, problem: stream.problem))
            if stream.hasHead && !stream.isClosed {
                session.answer(stream, answer, text.span, endsHere: false)
                session.append(taken.span, to: stream)
                session.endAnswer(stream, trailers: [(Array("x".utf8), Array("y".utf8))])
            }
        }
        session.produce(into: &output, limit: 1 << 20)
        return isCutOff ? nil : seen
    }
}
