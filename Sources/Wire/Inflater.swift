// SPDX-License-Identifier: Apache-2.0
import CZlib

/// Content codings that can be undone.
public enum ContentCoding: Sendable {
    case gzip, deflate

    /// nil for a coding that is not known here. `x-gzip` is gzip (RFC 9110 §8.4.1.3).
    public init?(_ name: Span<UInt8>) {
        if ByteSearch.equalsIgnoringCase(name, "gzip".utf8.span)
            || ByteSearch.equalsIgnoringCase(name, "x-gzip".utf8.span)
        {
            self = .gzip
        } else if ByteSearch.equalsIgnoringCase(name, "deflate".utf8.span) {
            self = .deflate
        } else {
            return nil
        }
    }
}

/// Undoes gzip and deflate up to a limit. Owner of the door to zlib; confined to one worker, which reuses it.
@safe
public final class Inflater {
    private var stream = unsafe z_stream()
    private var isOpen = false
    private var window: Int32 = 0

    public init() {}

    deinit {
        if isOpen { unsafe inflateEnd(&stream) }
    }

    /// Appends the decoded bytes to `out`. False: `limit` bytes were reached and more would follow. Throws on data that is broken, cut, or
    /// followed by something else. "deflate" may be with or without the zlib wrapper, as senders disagree (RFC 9110 §8.4.1.2).
    public func inflate(
        _ input: Span<UInt8>, encoding: ContentCoding, limit: Int, into out: inout [UInt8]
    ) throws(ContentError) -> Bool {
        switch encoding {
        case .gzip: return try run(input, windowBits: 31, limit: limit, into: &out)
        case .deflate:
            let isWrapped =
                input.count >= 2 && input[0] & 15 == 8 && (UInt16(input[0]) << 8 | UInt16(input[1])) % 31 == 0
            return try run(input, windowBits: isWrapped ? 15 : -15, limit: limit, into: &out)
        }
    }

    private func open(windowBits: Int32) throws(ContentError) {
        if isOpen && window == windowBits {
            if unsafe inflateReset(&stream) == Z_OK { return }
        }
        if isOpen { unsafe inflateEnd(&stream) }
        unsafe stream = unsafe z_stream()
        isOpen = unsafe CZlib_inflateInit2(&stream, windowBits) == Z_OK
        window = windowBits
        if !isOpen { throw ContentError("no memory for decompression", at: 0) }
    }

    private func run(
        _ input: Span<UInt8>, windowBits: Int32, limit: Int, into out: inout [UInt8]
    ) throws(ContentError) -> Bool {
        try open(windowBits: windowBits)
        let begin = out.count
        var offset = 0
        while true {
            let room = min(16 * 1024, limit - (out.count - begin) + 1)
            let result = step(input, &offset, room: room, into: &out)
            if out.count - begin > limit {
                out.removeLast(out.count - begin - limit)
                return false
            }
            switch result {
            case Z_STREAM_END:
                if offset == input.count { return true }
                // gzip may be several members in a row (RFC 1952 §2.2).
                if windowBits != 31 { throw ContentError("data behind the compressed data", at: offset) }
                if unsafe inflateReset(&stream) != Z_OK { throw ContentError("broken compressed data", at: offset) }
            case Z_OK: continue
            case Z_BUF_ERROR: throw ContentError("compressed data ends early", at: offset)
            default: throw ContentError("broken compressed data", at: offset)
            }
        }
    }

    /// One call of zlib with `room` bytes of output.
    private func step(_ input: Span<UInt8>, _ offset: inout Int, room: Int, into out: inout [UInt8]) -> Int32 {
        let start = out.count
        out.append(contentsOf: repeatElement(0, count: room))
        var result: Int32 = Z_OK
        var consumed = 0
        var produced = 0
        unsafe input.extracting(offset..<input.count).withUnsafeBufferPointer { source in
            unsafe out.withUnsafeMutableBufferPointer { target in
                unsafe stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
                unsafe stream.avail_in = UInt32(clamping: source.count)
                unsafe stream.next_out = target.baseAddress.map { unsafe $0 + start }
                unsafe stream.avail_out = UInt32(clamping: room)
                result = unsafe CZlib.inflate(&stream, Z_NO_FLUSH)
                consumed = unsafe source.count - Int(stream.avail_in)
                produced = unsafe room - Int(stream.avail_out)
                unsafe stream.next_in = nil
                unsafe stream.next_out = nil
            }
        }
        offset += consumed
        out.removeLast(room - produced)
        return result
    }
}
