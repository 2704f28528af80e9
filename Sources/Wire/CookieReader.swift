// SPDX-License-Identifier: Apache-2.0

/// Pairs of a Cookie header (RFC 6265 §5.4). A pair without "=" has an empty name, as browsers read it.
public enum CookieReader {
    /// The next pair from offset `from`, which moves behind it; nil at the end. Surrounding quotes of a value are not part of it.
    public static func next(in value: Span<UInt8>, from: inout Int) -> (name: ByteRange, value: ByteRange)? {
        while from < value.count {
            let end = ByteSearch.find(UInt8(ascii: ";"), in: value, from: from) ?? value.count
            let pair = ByteSearch.trim(value, ByteRange(from, end))
            from = end + 1
            if pair.isEmpty { continue }
            var equals = Int(pair.start)
            while equals < Int(pair.end) && value[equals] != UInt8(ascii: "=") { equals += 1 }
            if equals == Int(pair.end) { return (ByteRange(Int(pair.start), Int(pair.start)), pair) }
            let name = ByteSearch.trim(value, ByteRange(Int(pair.start), equals))
            var content = ByteSearch.trim(value, ByteRange(equals + 1, Int(pair.end)))
            if content.count >= 2 && value[Int(content.start)] == 34 && value[Int(content.end) - 1] == 34 {
                content = ByteRange(Int(content.start) + 1, Int(content.end) - 1)
            }
            return (name, content)
        }
        return nil
    }
}
