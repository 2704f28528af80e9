// SPDX-License-Identifier: Apache-2.0

import Wire

/// Reads the requests of one connection and writes them again, as the gate does towards an upstream: the messages that it saw, and
/// the bytes that it would have sent. Owned by one run of a fuzz function.
struct Rewriting: ~Copyable {
    struct Message: Equatable {
        var line: [UInt8] = []
        var fields: [[UInt8]] = []
        var body: [UInt8] = []
        var trailers: [[UInt8]] = []
    }

    private enum State {
        case head, length(UInt64), chunked, trailers
    }

    /// Complete messages.
    private(set) var messages: [Message] = []
    private(set) var output = ByteBuffer()
    private(set) var wasRefused = false

    private var state = State.head
    private var progress = HeadProgress()
    private var head = RequestHead()
    private var decoder = ChunkedDecoder()
    private var trailers: [HeadField] = []
    private var current = Message()

    init(_ bytes: Span<UInt8>, nextEnd: (Int) -> Int) {
        var start = 0
        var end = 0
        while end < bytes.count {
            end = nextEnd(end)
            do {
                while start < end, let consumed = try advance(bytes.extracting(start..<end)) { start += consumed }
            } catch {
                wasRefused = true
                return
            }
        }
    }

    /// Takes what stands in front; nil when more bytes are needed.
    private mutating func advance(_ bytes: Span<UInt8>) throws(HeadError) -> Int? {
        switch state {
        case .head:
            if try !HeadParser.parseRequest(bytes, limits: HeadLimits(), progress: &progress, into: &head) {
                return nil
            }
            progress.reset()
            let framing = try BodyFraming.request(head, bytes)
            let before = output.count
            Self.write(head, bytes, framing: framing, to: &output)
            var line: [UInt8] = []
            line.append(output.bytes.extracting(before..<output.count))
            current = Message(line: line, fields: Self.lines(head.fields, bytes))
            switch framing {
            case .none, .untilClose: finish()
            case .length(let count): state = .length(count)
            case .chunked:
                decoder.reset()
                state = .chunked
            }
            return head.length
        case .length(let remaining):
            let count = min(remaining, UInt64(bytes.count))
            let data = bytes.extracting(0..<Int(count))
            current.body.append(data)
            output.append(data)
            if count == remaining { finish() } else { state = .length(remaining - count) }
            return Int(count)
        case .chunked:
            switch try decoder.next(bytes) {
            case .needMore(let consumed): return consumed == 0 ? nil : consumed
            case .data(let range):
                current.body.append(bytes.slice(range))
                HeadWriter.chunk(bytes.slice(range), to: &output)
                return Int(range.end)
            case .lastChunk(let consumed):
                state = .trailers
                return consumed
            }
        case .trailers:
            let consumed = try HeadParser.parseTrailers(
                bytes, limits: HeadLimits(), progress: &progress, into: &trailers)
            guard let consumed else { return nil }
            progress.reset()
            HeadWriter.lastChunk(trailers: trailers, bytes, to: &output)
            current.trailers = Self.lines(trailers, bytes)
            finish()
            return consumed
        }
    }

    private mutating func finish() {
        messages.append(current)
        state = .head
    }

    static func write(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>, framing: BodyFraming, to output: inout ByteBuffer
    ) {
        HeadWriter.requestLine(head, bytes, to: &output)
        HeadWriter.field("Host", bytes.slice(head.authority), to: &output)
        writeFields(head.fields, bytes, to: &output)
        HeadWriter.framing(framing, to: &output)
        output.append("\r\n")
    }

    static func writeFields(_ fields: [HeadField], _ bytes: Span<UInt8>, to output: inout ByteBuffer) {
        for field in fields where !isRewritten(field.known) {
            HeadWriter.field(bytes.slice(field.name), bytes.slice(field.value), to: &output)
        }
    }

    private static func isRewritten(_ name: FieldName) -> Bool {
        name == .host || name == .contentLength || name == .transferEncoding
    }

    /// The fields that pass, one after the other.
    static func lines(_ fields: [HeadField], _ bytes: Span<UInt8>) -> [[UInt8]] {
        fields.filter { !isRewritten($0.known) }.map { field in
            var line: [UInt8] = []
            line.append(bytes.slice(field.name))
            line.append(UInt8(ascii: ":"))
            line.append(bytes.slice(field.value))
            return line
        }
    }
}
