// SPDX-License-Identifier: Apache-2.0
import HTTP2
import Wire

/// The client side of a downstream that takes its requests from an HTTP/2 connection: one stream after the other, each as the text of
/// HTTP/1.1, its answer read back from the same text. So a request is judged, forwarded and answered by the same code, whatever
/// it came on. Owned by that downstream; confined to its loop.
final class Carrier {
    /// So many bytes of all answers of a connection wait for windows, and of each stream a little more.
    private static let connectionBytes = 1 << 20

    let connection: HTTP2Connection
    let place: Int
    private(set) var stream: HTTP2Stream?
    /// How the answer's text is framed, once its head is out.
    private var flow = BodyFlow()
    private var progress = HeadProgress()
    private var isRefused = false

    init(connection: HTTP2Connection, place: Int) {
        self.connection = connection
        self.place = place
    }

    func take(_ stream: HTTP2Stream) {
        self.stream = stream
        stream.place = place
        stream.isTaken = true
        isRefused = false
        progress.reset()
    }

    func letGo() {
        stream?.place = nil
        stream = nil
    }

    /// Everything of the answer is framed, or nobody waits for it.
    var isDelivered: Bool { stream.map { $0.isDelivered || $0.isClosed } ?? true }

    /// What is wrong with the request, once.
    func takeProblem() -> HeadError? {
        guard !isRefused, let problem = stream?.problem else { return nil }
        isRefused = true
        return problem
    }

    /// The request's text was read as HTTP/1.1; now it is what it was. A body without a declared length is cut into chunks by us.
    func begin(_ exchange: Exchange) throws(HeadError) {
        exchange.request.version = .http2
        exchange.http2Print = connection.session.print.text
        guard stream?.framing == .chunked else { return }
        if exchange.request.method == .trace { throw .bodyInTrace }
        exchange.requestFraming = .chunked
    }

    /// Moves the answer from its text to the stream. False: the client must read first.
    func send(_ output: inout ByteBuffer, _ stream: HTTP2Stream) throws(HeadError) -> Bool {
        let limits = Carrier.answerLimits
        while !output.isEmpty {
            if !stream.hasFinalHead {
                if try !connection.readHead(output, limits, &progress) { return true }
                progress.reset()
                let length = connection.head.length
                if connection.head.status >= 200 { try beginAnswer(output, stream) }
                connection.answer(stream, output, endsHere: flow.hasEnded)
                output.consume(length)
                continue
            }
            if flow.hasEnded { throw .badChunk }
            let isFull = connection.session.pendingBytes >= Carrier.connectionBytes && stream.pendingBytes > 0
            if stream.pendingBytes >= Worker.highWaterBytes || isFull {
                stream.wantsRoom = true
                return false
            }
            switch try flow.next(in: output, limits: limits) {
            case .data(let range):
                connection.append(output, range, to: stream)
                output.consume(Int(range.end))
            case .end(let consumed):
                end(output, stream)
                output.consume(consumed)
            case .needMore(let consumed):
                output.consume(consumed)
                if consumed == 0 { return true }
            }
            if flow.hasEnded && !stream.answerEnded { end(output, stream) }
        }
        return true
    }

    private func beginAnswer(_ output: borrowing ByteBuffer, _ stream: HTTP2Stream) throws(HeadError) {
        flow.start(try connection.framing(output, isHead: stream.isHead))
    }

    private func end(_ output: borrowing ByteBuffer, _ stream: HTTP2Stream) {
        var trailers: [(name: [UInt8], value: [UInt8])] = []
        for field in flow.trailers {
            var (name, value): ([UInt8], [UInt8]) = ([], [])
            output.copy(field.name, to: &name)
            output.copy(field.value, to: &value)
            trailers.append((name, value))
        }
        connection.session.endAnswer(stream, trailers: trailers)
    }

    /// The text is our own writing, from an answer that was read within the policy's limits.
    private static let answerLimits: HeadLimits = {
        var limits = HeadLimits()
        limits.headBytes = 1 << 24
        limits.fields = 1 << 16
        return limits
    }()
}
