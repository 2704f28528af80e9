// SPDX-License-Identifier: Apache-2.0

extension RequestTarget {
    /// Appends the path that rules, routes and login routes see: percent-decoded once, "//" merged, dot segments removed, case kept.
    /// An encoded slash or dot counts as what it stands for, since the application behind may read it so. A "%" that begins no
    /// encoding stays. Normalising the result again, its "%" encoded, gives the same. Complexity: linear; one copy for a plain path.
    public static func normalise(_ path: Span<UInt8>, into out: inout [UInt8]) {
        if isNormal(path) {
            out.append(path)
            return
        }
        let begin = out.count
        out.append(slash)
        var index = 0
        while index < path.count {
            let (byte, next) = decoded(path, at: index)
            index = next
            if byte == slash { closeSegment(&out, begin, opensNext: true) } else { out.append(byte) }
        }
        closeSegment(&out, begin, opensNext: false)
    }

    private static var slash: UInt8 { UInt8(ascii: "/") }
    private static var dot: UInt8 { UInt8(ascii: ".") }

    /// Begins with "/" and holds no "%", no "//" and no segment that begins with a dot: nearly every path.
    private static func isNormal(_ path: Span<UInt8>) -> Bool {
        if path.isEmpty || path[0] != slash { return false }
        var before: UInt8 = 0
        var index = 0
        while index < path.count {
            let byte = path[index]
            if byte == UInt8(ascii: "%") || (before == slash && (byte == slash || byte == dot)) { return false }
            before = byte
            index += 1
        }
        return true
    }

    private static func decoded(_ path: Span<UInt8>, at index: Int) -> (UInt8, Int) {
        let byte = path[index]
        if byte == UInt8(ascii: "%") && index + 2 < path.count,
            let high = ByteSearch.hexValue(path[index + 1]), let low = ByteSearch.hexValue(path[index + 2])
        {
            return (high << 4 | low, index + 3)
        }
        return (byte, index + 1)
    }

    /// `out` ends with "/segment". Drops "." and the last segment for "..", merges empty ones.
    private static func closeSegment(_ out: inout [UInt8], _ begin: Int, opensNext: Bool) {
        var start = out.count
        while out[start - 1] != slash { start -= 1 }
        let length = out.count - start
        if length == 1 && out[start] == dot {
            out.removeLast(1)
        } else if length == 2 && out[start] == dot && out[start + 1] == dot {
            out.removeLast(2)
            if out.count - begin > 1 {
                out.removeLast(1)
                while out[out.count - 1] != slash { out.removeLast(1) }
            }
        } else if length > 0 && opensNext {
            out.append(slash)
        }
    }
}
