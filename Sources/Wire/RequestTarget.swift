// SPDX-License-Identifier: Apache-2.0

/// The request target: which of the four forms it has, whom it addresses, and the path that rules and routes see.
package enum RequestTarget {
    /// Fills form, path, query and authority. Called when the fields are known, since Host has a say (RFC 9112 §3.2, §3.3).
    static func resolve(_ bytes: Span<UInt8>, _ head: inout RequestHead) throws(HeadError) {
        if head.method == .connect { throw .connectMethod }
        let host = try hostField(bytes, head)
        let first = bytes[Int(head.target.start)]
        if first == UInt8(ascii: "/") {
            head.form = .origin
            try splitPath(bytes, from: Int(head.target.start), &head)
        } else if first == UInt8(ascii: "*") {
            if head.target.count != 1 || head.method != .options { throw .badTarget }
            head.form = .asterisk
            head.path = .empty
        } else {
            try resolveAbsolute(bytes, &head)
        }
        if head.form == .absolute {
            // A Host that names another authority than the target could be read both ways: refused.
            if let host, !ByteSearch.equalsIgnoringCase(bytes.slice(host), bytes.slice(head.authority)) {
                throw .hostMismatch
            }
        } else if let host {
            head.authority = host
        }
    }

    /// The one Host field; nil only in HTTP/1.0.
    private static func hostField(_ bytes: Span<UInt8>, _ head: borrowing RequestHead) throws(HeadError) -> ByteRange? {
        var found: ByteRange?
        if head.contains(.host) {
            for index in head.fields.indices where head.fields[index].known == .host {
                if found != nil { throw .twoHosts }
                found = head.fields[index].value
            }
        }
        guard let found else {
            if head.version == .http11 { throw .missingHost }
            return nil
        }
        if found.isEmpty {
            return found
        }
        if !isAuthority(bytes.slice(found)) { throw .badHost }
        return found
    }

    private static func resolveAbsolute(_ bytes: Span<UInt8>, _ head: inout RequestHead) throws(HeadError) {
        let target = bytes.slice(head.target)
        let start = Int(head.target.start)
        var offset = 0
        if ByteSearch.hasPrefixIgnoringCase(target, "http://".utf8.span) {
            offset = 7
        } else if ByteSearch.hasPrefixIgnoringCase(target, "https://".utf8.span) {
            offset = 8
        } else {
            throw .badTarget
        }
        var end = offset
        while end < target.count && target[end] != UInt8(ascii: "/") && target[end] != UInt8(ascii: "?") { end += 1 }
        if end == offset || !isAuthority(target.extracting(offset..<end)) { throw .badTarget }
        head.form = .absolute
        head.authority = ByteRange(start + offset, start + end)
        try splitPath(bytes, from: start + end, &head)
    }

    /// Path and query from `start` to the end of the target. A fragment is never sent (RFC 9112 §3.2.1): "#" is refused, as are the
    /// characters that RFC 3986 leaves out and that servers read as separators of their own.
    private static func splitPath(_ bytes: Span<UInt8>, from start: Int, _ head: inout RequestHead) throws(HeadError) {
        let end = Int(head.target.end)
        var index = start
        var query: Int?
        while index < end {
            switch bytes[index] {
            case UInt8(ascii: "#"): throw .badTarget
            case UInt8(ascii: "?"): if query == nil { query = index }
            default: break
            }
            index += 1
        }
        head.path = ByteRange(start, query ?? end)
        head.query = query.map { ByteRange($0 + 1, end) }
    }

    /// host[:port] with a registered name, an IPv4 address or a bracketed IPv6 address; no user, no empty host.
    static func isAuthority(_ text: Span<UInt8>) -> Bool {
        var index = 0
        if text.count > 0 && text[0] == UInt8(ascii: "[") {
            index = 1
            while index < text.count && text[index] != UInt8(ascii: "]") {
                let byte = text[index]
                let isHex = byte >= 48 && byte <= 57 || byte | 32 >= 97 && byte | 32 <= 102
                if !isHex && byte != UInt8(ascii: ":") && byte != UInt8(ascii: ".") { return false }
                index += 1
            }
            if index < 3 || index == text.count { return false }
            index += 1
        } else {
            while index < text.count && text[index] != UInt8(ascii: ":") {
                if !isHostByte(text[index]) { return false }
                index += 1
            }
            if index == 0 { return false }
        }
        if index == text.count { return true }
        if text[index] != UInt8(ascii: ":") || text.count - index > 6 { return false }
        index += 1
        while index < text.count {
            if text[index] < 48 || text[index] > 57 { return false }
            index += 1
        }
        return true
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        byte >= 48 && byte <= 57 || byte | 32 >= 97 && byte | 32 <= 122 || byte == UInt8(ascii: "-")
            || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "~")
            || byte == UInt8(ascii: "%")
    }

    /// The path that rules, routes and login routes see: percent-decoded once, "//" merged, dot segments removed, case kept. Bytes
    /// that an encoded slash or dot stands for count as such: the application behind may read them so. Idempotent on its output
    /// unless that holds a "%" of its own.
    package static func normalise(_ path: Span<UInt8>, into out: inout [UInt8]) {
        let begin = out.count
        out.append(UInt8(ascii: "/"))
        var index = 0
        while index < path.count {
            let (byte, next) = decoded(path, at: index)
            index = next
            if byte == UInt8(ascii: "/") {
                closeSegment(&out, begin, opensNext: true)
            } else {
                out.append(byte)
            }
        }
        closeSegment(&out, begin, opensNext: false)
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
        while out[start - 1] != UInt8(ascii: "/") || start - 1 < begin { start -= 1 }
        let length = out.count - start
        if length == 1 && out[start] == UInt8(ascii: ".") {
            out.removeLast(1)
        } else if length == 2 && out[start] == UInt8(ascii: ".") && out[start + 1] == UInt8(ascii: ".") {
            out.removeLast(2)
            if out.count - begin > 1 {
                out.removeLast(1)
                while out[out.count - 1] != UInt8(ascii: "/") { out.removeLast(1) }
            }
        } else if length > 0 && opensNext {
            out.append(UInt8(ascii: "/"))
        }
    }
}
