// SPDX-License-Identifier: Apache-2.0

/// The request target: which of the four forms it has and whom it addresses (RFC 9112 §3.2, §3.3). Stateless.
public enum RequestTarget {
    /// Fills form, path, query and, of an absolute form, authority. `question` is the offset of the first "?".
    static func classify(_ bytes: Span<UInt8>, question: Int?, _ head: inout RequestHead) throws(HeadError) {
        let start = Int(head.target.start)
        let end = Int(head.target.end)
        head.query = nil
        if let question { head.query = ByteRange(question + 1, end) }
        if bytes[start] == UInt8(ascii: "/") {
            head.form = .origin
            head.path = ByteRange(start, question ?? end)
        } else if bytes[start] == UInt8(ascii: "*") {
            if end - start != 1 || head.method != .options { throw .badTarget }
            head.form = .asterisk
            head.path = .empty
        } else {
            let target = bytes.slice(head.target)
            let scheme = schemeLength(target)
            if scheme == 0 { throw .badTarget }
            let stop = question ?? end
            var slash = start + scheme
            while slash < stop && bytes[slash] != UInt8(ascii: "/") { slash += 1 }
            head.form = .absolute
            head.authority = ByteRange(start + scheme, slash)
            head.path = ByteRange(slash, stop)
            if !isAuthority(bytes.slice(head.authority)) { throw .badTarget }
        }
    }

    /// Bytes of "http://" or "https://" in front, in any case; else 0.
    private static func schemeLength(_ target: Span<UInt8>) -> Int {
        if target.count > 7 && ByteScan.equalsFolding(target.extracting(0..<7), "http://") { return 7 }
        return target.count > 8 && ByteScan.equalsFolding(target.extracting(0..<8), "https://") ? 8 : 0
    }

    /// Exactly one valid Host in HTTP/1.1, at most one in HTTP/1.0, and none that names another authority than the target does:
    /// servers differ in which of the two they believe.
    static func agreeWithHost(_ bytes: Span<UInt8>, _ head: inout RequestHead) throws(HeadError) {
        if head.repeats(.host) { throw .twoHosts }
        guard let index = head.first(.host) else {
            if head.version == .http11 { throw .missingHost }
            return
        }
        let host = head.fields[index].value
        // An empty Host is for targets without authority (RFC 9112 §3.2).
        if !host.isEmpty && !isAuthority(bytes.slice(host)) { throw .badHost }
        if head.form != .absolute {
            head.authority = host
            return
        }
        let isSecure = head.authority.start - head.target.start == 8
        let named = withoutPort(bytes.slice(head.authority), isSecure ? ":443" : ":80")
        if !ByteSearch.equalsIgnoringCase(named, withoutPort(bytes.slice(host), isSecure ? ":443" : ":80")) {
            throw .hostMismatch
        }
    }

    /// Without an empty port or the one that the scheme implies.
    @_lifetime(copy authority)
    private static func withoutPort(_ authority: Span<UInt8>, _ port: StaticString) -> Span<UInt8> {
        let count = authority.count
        if count > 0 && authority[count - 1] == UInt8(ascii: ":") { return authority.extracting(0..<(count - 1)) }
        let rest = count - port.utf8CodeUnitCount
        if rest > 0 && ByteScan.equals(authority.extracting(rest..<count), port) {
            return authority.extracting(0..<rest)
        }
        return authority
    }

    /// The host of `host:port` and `[v6]:port`, without a trailing dot.
    @_lifetime(copy authority)
    public static func host(of authority: Span<UInt8>) -> Span<UInt8> {
        var end = authority.count
        var index = end
        while index > 0 {
            index -= 1
            let byte = authority[index]
            if byte == UInt8(ascii: "]") { break }
            if byte == UInt8(ascii: ":") {
                end = index
                break
            }
        }
        if end > 0 && authority[end - 1] == UInt8(ascii: ".") { end -= 1 }
        return authority.extracting(0..<end)
    }

    /// host[:port] with a registered name, an IPv4 address or a bracketed IPv6 address; no user, no empty host.
    static func isAuthority(_ text: Span<UInt8>) -> Bool {
        var index = 0
        if text.count > 0 && text[0] == UInt8(ascii: "[") {
            while index < text.count && text[index] != UInt8(ascii: "]") { index += 1 }
            if index == text.count { return false }
            let address = text.extracting(1..<index)
            if ByteScan.find(58, address, from: 0) == address.count || IPAddress(address) == nil { return false }
            index += 1
        } else {
            while index < text.count && ByteClass.isHostName(text[index]) { index += 1 }
            if index == 0 { return false }
        }
        if index == text.count { return true }
        return text[index] == UInt8(ascii: ":") && isPort(text.extracting((index + 1)..<text.count))
    }

    /// At most five digits that fit in 16 bits; empty means the default (RFC 3986 §3.2.3).
    private static func isPort(_ text: Span<UInt8>) -> Bool {
        if text.count > 5 { return false }
        var port = 0
        for index in text.indices {
            if !ByteClass.isDigit(text[index]) { return false }
            port = port * 10 + Int(text[index] - 48)
        }
        return port <= 65_535
    }
}
