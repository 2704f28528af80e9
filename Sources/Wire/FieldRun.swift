// SPDX-License-Identifier: Apache-2.0

/// Fields of a head that are passed on, one after the other: those that stand side by side, and are written there exactly as we write them,
/// go in one copy. Made for one head. (A browser's five fields: 1 500 → 400 instructions.)
public struct FieldRun {
    private var start = 0
    private var end = 0

    public init() {}

    /// The next field, in the order of the head.
    @inline(__always)
    public mutating func take(_ field: HeadField, _ bytes: Span<UInt8>, to output: inout ByteBuffer) {
        let nameStart = Int(field.name.start)
        let nameEnd = Int(field.name.end)
        let valueEnd = Int(field.value.end)
        // "name: value" and CRLF, without any other blank. The parser saw to it that a colon follows the name.
        let isPlain =
            Int(field.value.start) == nameEnd + 2 && bytes[nameEnd + 1] == 32 && bytes[valueEnd] == 13
            && bytes[valueEnd + 1] == 10
        if isPlain && nameStart == end {
            end = valueEnd + 2
            return
        }
        self.end(bytes, to: &output)
        if isPlain {
            start = nameStart
            end = valueEnd + 2
        } else {
            HeadWriter.field(bytes.slice(field.name), bytes.slice(field.value), to: &output)
        }
    }

    /// Writes what was taken and not written yet.
    @inline(__always)
    public mutating func end(_ bytes: Span<UInt8>, to output: inout ByteBuffer) {
        if end > start { output.append(bytes.extracting(start..<end)) }
        start = 0
        end = 0
    }
}
