// SPDX-License-Identifier: Apache-2.0
import CUTF8Proc
import Wire

/// `unicode_normalize`: code points as their compatible plain ones, without marks: "Ａ", "É", "①" become "A", "E", "1". Owner of the door to
/// utf8proc. Text that is ASCII costs a copy.
enum UnicodeNormalize {
    private static let options = utf8proc_option_t(
        UTF8PROC_DECOMPOSE.rawValue | UTF8PROC_IGNORE.rawValue | UTF8PROC_COMPAT.rawValue | UTF8PROC_LUMP.rawValue
            | UTF8PROC_STRIPMARK.rawValue | UTF8PROC_STRIPNA.rawValue | UTF8PROC_CASEFOLD.rawValue)

    static func apply(_ text: Span<UInt8>, into out: inout [UInt8]) {
        var index = 0
        while index < text.count {
            if text[index] < 128 {
                out.append(text[index])
                index += 1
                continue
            }
            index += normalise(text, index, into: &out)
        }
    }

    /// One code point; returns its bytes. A byte that begins none stays.
    private static func normalise(_ text: Span<UInt8>, _ index: Int, into out: inout [UInt8]) -> Int {
        var code: Int32 = -1
        let count = unsafe text.extracting(index..<min(index + 4, text.count)).withUnsafeBufferPointer { bytes in
            unsafe utf8proc_iterate(bytes.baseAddress, bytes.count, &code)
        }
        guard count > 0, code >= 0 else {
            out.append(text[index])
            return 1
        }
        // The longest compatible form has 18 code points (Unicode 15, U+FDFA).
        unsafe withUnsafeTemporaryAllocation(of: Int32.self, capacity: 32) { parts in
            var boundary: Int32 = 0
            let length = unsafe utf8proc_decompose_char(code, parts.baseAddress, 32, options, &boundary)
            if length < 0 || length > 32 { return }
            // Folding is undone where it is one letter for one letter.
            let isUpper = utf8proc_tolower(code) != code
            for place in 0..<length {
                let part = unsafe parts[place]
                CodePoint.append(
                    UInt32(bitPattern: length == 1 && isUpper ? utf8proc_toupper(part) : part), to: &out)
            }
        }
        return count
    }
}
