// SPDX-License-Identifier: Apache-2.0
import Wire

/// `trim` and `compress_whitespace`.
enum Whitespace {
    static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || byte >= 9 && byte <= 13 }

    static func trimmed(_ text: Span<UInt8>) -> ByteRange {
        var start = 0
        var end = text.count
        while start < end && isSpace(text[start]) { start += 1 }
        while end > start && isSpace(text[end - 1]) { end -= 1 }
        return ByteRange(start, end)
    }

    /// Runs of white space become one space.
    static func compress(_ text: Span<UInt8>, into out: inout [UInt8]) {
        var wasSpace = false
        for index in text.indices {
            let space = isSpace(text[index])
            if !space { out.append(text[index]) } else if !wasSpace { out.append(32) }
            wasSpace = space
        }
    }
}
