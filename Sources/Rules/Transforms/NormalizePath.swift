// SPDX-License-Identifier: Apache-2.0
import Wire

/// `normalize_path`: "." segments go, and ".." with the segment before it. Nothing is decoded and slashes that follow one another stay, so what
/// looks for encoded dots still finds them.
enum NormalizePath {
    static func apply(_ text: Span<UInt8>, into out: inout [UInt8]) {
        let begin = out.count
        let isAbsolute = text.count > 0 && text[0] == UInt8(ascii: "/")
        var start = 0
        while start <= text.count {
            let end = ByteSearch.find(UInt8(ascii: "/"), in: text, from: start) ?? text.count
            let isLast = end >= text.count
            let length = end - start
            let dots = length <= 2 && (0..<length).allSatisfy { text[start + $0] == UInt8(ascii: ".") } ? length : 0
            if dots == 1 && !isLast {
                start = end + 1
                continue
            }
            if dots == 2 && (out.count > begin || isAbsolute) {
                dropSegment(&out, begin)
                if out.count == begin { out.append(UInt8(ascii: "/")) }
            } else {
                out.append(text.extracting(start..<end))
                if !isLast { out.append(UInt8(ascii: "/")) }
            }
            start = end + 1
        }
    }

    /// What stands behind the slash before the last one goes.
    private static func dropSegment(_ out: inout [UInt8], _ begin: Int) {
        if out.count > begin { out.removeLast() }
        while out.count > begin && out[out.count - 1] != UInt8(ascii: "/") { out.removeLast() }
    }
}
