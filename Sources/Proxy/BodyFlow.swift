// SPDX-License-Identifier: Apache-2.0
import Wire

/// One body on its way through the gate: knows its framing, says which bytes are data and when it ends. A machine: it owns
/// neither bytes nor descriptor. Part of an exchange, one for each direction.
struct BodyFlow {
    enum Piece {
        /// `consumed` bytes were framing; more bytes are needed to go on.
        case needMore(consumed: Int)
        /// Data; consumed through the end of the range.
        case data(ByteRange)
        /// The body is complete; `trailers` hold its trailer fields, as ranges into the same bytes.
        case end(consumed: Int)
    }

    private enum State {
        case ended, length(UInt64), chunked, trailers, untilClose
    }

    private var state = State.ended
    private var decoder = ChunkedDecoder()
    private var progress = HeadProgress()
    private(set) var trailers: [HeadField] = []

    var hasEnded: Bool {
        if case .ended = state { true } else { false }
    }

    mutating func start(_ framing: BodyFraming) {
        trailers.removeAll(keepingCapacity: true)
        switch framing {
        case .none: state = .ended
        case .length(0): state = .ended
        case .length(let count): state = .length(count)
        case .chunked:
            decoder.reset()
            progress.reset()
            state = .chunked
        case .untilClose: state = .untilClose
        }
    }

    /// Looks at the bytes that stand in front. Called again after the caller consumed what the piece names.
    mutating func next(_ bytes: Span<UInt8>, limits: HeadLimits) throws(HeadError) -> Piece {
        switch state {
        case .ended: return .end(consumed: 0)
        case .length(let remaining):
            if bytes.isEmpty { return .needMore(consumed: 0) }
            let count = remaining < UInt64(bytes.count) ? Int(remaining) : bytes.count
            let left = remaining - UInt64(count)
            state = left == 0 ? .ended : .length(left)
            return .data(ByteRange(0, count))
        case .untilClose:
            return bytes.isEmpty ? .needMore(consumed: 0) : .data(ByteRange(0, bytes.count))
        case .chunked:
            switch try decoder.next(bytes) {
            case .needMore(let consumed): return .needMore(consumed: consumed)
            case .data(let range): return .data(range)
            case .lastChunk(let consumed):
                state = .trailers
                return .needMore(consumed: consumed)
            }
        case .trailers:
            trailers.removeAll(keepingCapacity: true)
            guard
                let consumed = try HeadParser.parseTrailers(bytes, limits: limits, progress: &progress, into: &trailers)
            else {
                return .needMore(consumed: 0)
            }
            state = .ended
            return .end(consumed: consumed)
        }
    }

    /// The peer will send no more. Returns whether the body is complete; a cut body never is.
    mutating func peerClosed() -> Bool {
        switch state {
        case .ended: return true
        case .untilClose:
            state = .ended
            return true
        case .length, .chunked, .trailers: return false
        }
    }
}
