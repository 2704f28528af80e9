// SPDX-License-Identifier: Apache-2.0
import Wire

/// `remove_comments`: C comments go; from "--", "#" or "<!--" on everything goes.
enum RemoveComments {
    static func apply(_ text: Span<UInt8>, into out: inout [UInt8]) {
        var index = 0
        while index < text.count {
            if starts(text, index, "/*") {
                index += 2
                while index < text.count && !starts(text, index, "*/") { index += 1 }
                index += 2
                continue
            }
            if text[index] == UInt8(ascii: "#") || starts(text, index, "--") || starts(text, index, "<!--") { return }
            out.append(text[index])
            index += 1
        }
    }

    private static func starts(_ text: Span<UInt8>, _ index: Int, _ word: StaticString) -> Bool {
        if index + word.utf8CodeUnitCount > text.count { return false }
        for offset in 0..<word.utf8CodeUnitCount where text[index + offset] != (unsafe word.utf8Start[offset]) {
            return false
        }
        return true
    }
}
