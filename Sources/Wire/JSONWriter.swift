// SPDX-License-Identifier: Apache-2.0

/// Writes JSON into bytes; commas come by themselves. Owned by whoever writes one document.
public struct JSONWriter {
    public private(set) var bytes: [UInt8]
    private var needsComma = false

    /// Appends to `bytes`, which keep their memory.
    public init(_ bytes: [UInt8] = []) { self.bytes = bytes }

    public mutating func beginObject() {
        separate()
        bytes.append(UInt8(ascii: "{"))
        needsComma = false
    }

    public mutating func endObject() {
        bytes.append(UInt8(ascii: "}"))
        needsComma = true
    }

    public mutating func beginArray() {
        separate()
        bytes.append(UInt8(ascii: "["))
        needsComma = false
    }

    public mutating func endArray() {
        bytes.append(UInt8(ascii: "]"))
        needsComma = true
    }

    /// A name that needs no escaping.
    public mutating func key(_ name: StaticString) {
        separate()
        bytes.append(34)
        bytes.append(name)
        bytes.append("\":")
        needsComma = false
    }

    public mutating func key(_ name: Span<UInt8>) {
        separate()
        bytes.append(34)
        JSONWriter.escape(name, into: &bytes)
        bytes.append("\":")
        needsComma = false
    }

    public mutating func string(_ text: Span<UInt8>) {
        separate()
        bytes.append(34)
        JSONWriter.escape(text, into: &bytes)
        bytes.append(34)
        needsComma = true
    }

    public mutating func string(_ text: String) { string(Array(text.utf8).span) }

    public mutating func number(_ number: Int64) {
        separate()
        bytes.append(contentsOf: String(number).utf8)
        needsComma = true
    }

    public mutating func boolean(_ value: Bool) {
        separate()
        bytes.append(value ? "true" : "false")
        needsComma = true
    }

    public mutating func null() {
        separate()
        bytes.append("null")
        needsComma = true
    }

    /// Text that is JSON already.
    public mutating func raw(_ json: Span<UInt8>) {
        separate()
        bytes.append(json)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
    }

    /// Escapes what JSON must escape; what is no UTF-8 becomes U+FFFD, so that every receiver can read the line.
    @_specialize(where Sink == ByteBuffer)
    @_specialize(where Sink == [UInt8])
    public static func escape<Sink: ByteSink & ~Copyable>(_ text: Span<UInt8>, into out: inout Sink) {
        var index = 0
        while true {
            let end = ByteScan.endOfPlainText(text, from: index)
            if end > index { out.append(text.extracting(index..<end)) }
            if end == text.count { return }
            index = end + escapeOne(text, end, into: &out)
        }
    }

    /// Writes the character at `index` escaped; returns how many bytes it took.
    private static func escapeOne<Sink: ByteSink & ~Copyable>(
        _ text: Span<UInt8>, _ index: Int, into out: inout Sink
    ) -> Int {
        let byte = text[index]
        if byte >= 0x80 {
            let length = UTF8Text.length(text, at: index)
            if length == 0 {
                out.append("\u{fffd}")
                return 1
            }
            out.append(text.extracting(index..<(index + length)))
            return length
        }
        switch byte {
        case 34: out.append("\\\"" as StaticString)
        case 92: out.append("\\\\")
        case 10: out.append("\\n")
        case 13: out.append("\\r")
        case 9: out.append("\\t")
        default:
            out.append("\\u00")
            out.append(48 + (byte >> 4))
            let low = byte & 15
            out.append(low < 10 ? 48 + low : 87 + low)
        }
        return 1
    }
}

/// UTF-8 as Unicode defines it: shortest form, no surrogates, nothing above U+10FFFF.
enum UTF8Text {
    /// Bytes of the character that begins at `index` with a byte from 0x80 on, or 0 when it is none.
    static func length(_ text: Span<UInt8>, at index: Int) -> Int {
        let first = text[index]
        let count =
            first >= 0xc2 && first < 0xe0
            ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0
        if count == 0 || index + count > text.count { return 0 }
        for offset in 1..<count where text[index + offset] & 0xc0 != 0x80 { return 0 }
        let second = text[index + 1]
        switch first {
        case 0xe0: return second < 0xa0 ? 0 : count
        case 0xed: return second >= 0xa0 ? 0 : count
        case 0xf0: return second < 0x90 ? 0 : count
        case 0xf4: return second >= 0x90 ? 0 : count
        default: return count
        }
    }
}
