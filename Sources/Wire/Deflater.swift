// SPDX-License-Identifier: Apache-2.0
import CZlib

/// Packs what is sent off the path of a request. Stateless.
public enum Deflater {
    /// `input` as one gzip member, level 1: of JSON it leaves an eighth, and a higher level a tenth for thrice the time. nil when there is no memory.
    public static func gzip(_ input: [UInt8]) -> [UInt8]? {
        var stream = unsafe z_stream()
        if unsafe CZlib_deflateInit2(&stream, 1, 31) != Z_OK { return nil }
        defer { _ = unsafe deflateEnd(&stream) }
        let room = unsafe deflateBound(&stream, UInt(input.count))
        var out = [UInt8](repeating: 0, count: Int(room))
        var result = Z_OK
        var produced = 0
        unsafe input.withUnsafeBufferPointer { source in
            unsafe out.withUnsafeMutableBufferPointer { target in
                unsafe stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
                unsafe stream.avail_in = UInt32(clamping: source.count)
                unsafe stream.next_out = target.baseAddress
                unsafe stream.avail_out = UInt32(clamping: target.count)
                result = unsafe deflate(&stream, Z_FINISH)
                produced = unsafe target.count - Int(stream.avail_out)
            }
        }
        if result != Z_STREAM_END { return nil }
        out.removeLast(out.count - produced)
        return out
    }
}
