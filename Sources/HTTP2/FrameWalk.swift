// SPDX-License-Identifier: Apache-2.0
import Wire

/// Looks at the head of each frame as the bytes pass: kinds that nghttp2 skips without a word, and streams that are opened in the wrong
/// order. A value, part of a session.
struct FrameWalk {
    enum Finding {
        case nothing
        case tooMany(Flood)
        /// A stream below one that was opened already (RFC 9113 §5.1.1).
        case backwards
    }

    /// Gaps between stream numbers that are remembered; a client that counts by two leaves none.
    private static let gaps = 8
    /// HEADERS, CONTINUATION, and the first type that nobody knows.
    private static let (headers, continuation, unknown): (UInt8, UInt8, UInt8) = (1, 9, 10)
    private static let headBytes = 9

    /// Bytes before the next frame's head: first the preface.
    private var skips = HTTP2Session.preface.utf8CodeUnitCount
    private var head = InlineArray<9, UInt8>(repeating: 0)
    private var held = 0
    private var highest: UInt32 = 0
    private var skipped: [ClosedRange<UInt32>] = []
    private var continuations = 0
    private let continuationLimit: Int

    /// `continuations`: most parts of one header block behind its first.
    init(continuations: Int) { continuationLimit = continuations }

    /// `take` is asked for each frame that is counted. Stops at the first finding.
    mutating func pass(_ bytes: Span<UInt8>, guardian: inout FloodGuard, now: UInt64) -> Finding {
        var place = 0
        while place < bytes.count {
            if skips > 0 {
                let count = min(skips, bytes.count - place)
                skips -= count
                place += count
                continue
            }
            head[held] = bytes[place]
            held += 1
            place += 1
            if held < FrameWalk.headBytes { continue }
            held = 0
            skips = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
            switch judge(&guardian, now) {
            case .nothing: continue
            case let finding: return finding
            }
        }
        return .nothing
    }

    private mutating func judge(_ guardian: inout FloodGuard, _ now: UInt64) -> Finding {
        switch head[3] {
        case FrameWalk.continuation:
            continuations += 1
            return continuations <= continuationLimit ? .nothing : .tooMany(.continuations)
        case FrameWalk.unknown...: return guardian.take(.unknownFrames, now: now) ? .nothing : .tooMany(.unknownFrames)
        case FrameWalk.headers:
            continuations = 0
            var stream = UInt32(head[5] & 0x7f)
            for index in 6...8 { stream = stream << 8 | UInt32(head[index]) }
            if stream > highest {
                let next = highest == 0 ? 1 : highest + 2
                if stream > next && skipped.count < FrameWalk.gaps { skipped.append(next...(stream - 1)) }
                highest = stream
            } else if skipped.contains(where: { $0.contains(stream) }) {
                return .backwards
            }
            return .nothing
        default: return .nothing
        }
    }
}
