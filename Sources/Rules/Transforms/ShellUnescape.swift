// SPDX-License-Identifier: Apache-2.0
import Wire

/// `shell_unescape`: what a shell would not see. Quotes, carets and backslashes go; commas, semicolons and runs of white space become one
/// space, none before "/" or "("; letters become lower case.
enum ShellUnescape {
    static func apply(_ text: Span<UInt8>, into out: inout [UInt8]) {
        let start = out.count
        for index in text.indices {
            let byte = text[index]
            switch byte {
            case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "^"): continue
            case UInt8(ascii: ","), UInt8(ascii: ";"), 9...13, 32:
                if out.count == start || out[out.count - 1] != 32 { out.append(32) }
            case UInt8(ascii: "/"), UInt8(ascii: "("):
                if out.count > start && out[out.count - 1] == 32 { out.removeLast() }
                out.append(byte)
            default: out.append(ByteSearch.lowercased(byte))
            }
        }
    }
}
