// SPDX-License-Identifier: Apache-2.0

/// application/x-www-form-urlencoded: bodies and queries. Names come in order and as often as they stand there.
public enum FormReader {
    public static func read(_ text: Span<UInt8>, into values: inout NamedValues) {
        var start = 0
        while start < text.count {
            let end = ByteSearch.find(UInt8(ascii: "&"), in: text, from: start) ?? text.count
            if end > start {
                if values.entries.count == ContentLimits.entries {
                    values.isIncomplete = true
                    return
                }
                append(text.extracting(start..<end), to: &values)
            }
            start = end + 1
        }
    }

    private static func append(_ pair: Span<UInt8>, to values: inout NamedValues) {
        let equals = ByteSearch.find(UInt8(ascii: "="), in: pair) ?? pair.count
        let begin = values.arena.count
        PercentCoding.decode(pair.extracting(0..<equals), plusIsSpace: true, into: &values.arena)
        let middle = values.arena.count
        if equals < pair.count {
            PercentCoding.decode(pair.extracting((equals + 1)..<pair.count), plusIsSpace: true, into: &values.arena)
        }
        values.entries.append(
            NamedValues.Entry(
                name: ByteRange(begin, middle), value: ByteRange(middle, values.arena.count), kind: .string))
    }
}
