// SPDX-License-Identifier: Apache-2.0

/// Rewrites RE2's syntax where Vectorscan, which follows PCRE, would read it differently. The differential test holds the two to the same
/// answers.
enum PatternTranslation {
    /// nil: leave this pattern to RE2.
    ///
    /// - `$` is the end of the text in RE2; in PCRE also the place before a last line feed. It becomes `\z`.
    /// - `\s` has no vertical tab in RE2.
    /// - Flag groups that change `^`, `$` or greediness, and named classes of Unicode, are left to RE2.
    static func translate(_ expression: String) -> String? {
        let source = Array(expression.utf8)
        if source.contains(0) || !source.allSatisfy({ $0 < 128 }) { return nil }
        var out: [UInt8] = []
        var index = 0
        var inClass = false
        while index < source.count {
            let byte = source[index]
            if byte == UInt8(ascii: "\\") {
                guard index + 1 < source.count, let escape = escape(source[index + 1], inClass: inClass) else {
                    return nil
                }
                out += escape
                index += 2
                continue
            }
            if inClass {
                if byte == UInt8(ascii: "[") && index + 1 < source.count && source[index + 1] == UInt8(ascii: ":") {
                    guard let end = classEnd(source, index) else { return nil }
                    if source[(index + 2)..<(end - 2)].elementsEqual("space".utf8) { return nil }
                    out += source[index..<end]
                    index = end
                    continue
                }
                if byte == UInt8(ascii: "]") { inClass = false }
                out.append(byte)
            } else if byte == UInt8(ascii: "[") {
                inClass = true
                out.append(byte)
                // A bracket that comes first is a member, also behind "^".
                if index + 1 < source.count && source[index + 1] == UInt8(ascii: "^") {
                    out.append(source[index + 1])
                    index += 1
                }
                if index + 1 < source.count && source[index + 1] == UInt8(ascii: "]") {
                    out += Array("\\]".utf8)
                    index += 1
                }
            } else if byte == UInt8(ascii: "$") {
                out += Array("\\z".utf8)
            } else if byte == UInt8(ascii: "(") && index + 1 < source.count && source[index + 1] == UInt8(ascii: "?") {
                guard changesOnlyCase(source, index + 2) else { return nil }
                out.append(byte)
            } else {
                out.append(byte)
            }
            index += 1
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static func escape(_ letter: UInt8, inClass: Bool) -> [UInt8]? {
        switch letter {
        case UInt8(ascii: "s"): return Array((inClass ? "\\t\\n\\f\\r " : "[\\t\\n\\f\\r ]").utf8)
        case UInt8(ascii: "S"): return inClass ? nil : Array("[^\\t\\n\\f\\r ]".utf8)
        // Quoting, single bytes, Unicode classes and octal numbers: rare, and read differently.
        case UInt8(ascii: "Q"), UInt8(ascii: "E"), UInt8(ascii: "C"), UInt8(ascii: "p"), UInt8(ascii: "P"),
            UInt8(ascii: "a"),
            UInt8(ascii: "v"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return nil
        default: return [UInt8(ascii: "\\"), letter]
        }
    }

    /// The offset behind ":]".
    private static func classEnd(_ source: [UInt8], _ start: Int) -> Int? {
        var index = start + 2
        while index + 1 < source.count {
            if source[index] == UInt8(ascii: ":") && source[index + 1] == UInt8(ascii: "]") { return index + 2 }
            index += 1
        }
        return nil
    }

    /// `(?:`, `(?i)`, `(?i:` and `(?s` mean the same to both.
    private static func changesOnlyCase(_ source: [UInt8], _ start: Int) -> Bool {
        var index = start
        while index < source.count {
            switch source[index] {
            case UInt8(ascii: ":"), UInt8(ascii: ")"): return true
            case UInt8(ascii: "i"), UInt8(ascii: "s"): index += 1
            default: return false
            }
        }
        return false
    }
}
