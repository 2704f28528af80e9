// SPDX-License-Identifier: Apache-2.0
public import Wire

/// One request's fields on their way from HTTP/2 to the text of HTTP/1.1, in which it is judged and forwarded like every other. What
/// could mean something else there than here is refused (RFC 9113 §8.2, §8.3, §10.3). Part of a session, used for one
/// header block after the other.
public struct RequestText: ~Copyable {
    private var method = ByteBuffer()
    private var path = ByteBuffer()
    private var authority = ByteBuffer()
    private var host = ByteBuffer()
    private var lines = ByteBuffer()
    private var cookie = ByteBuffer()
    private var hasScheme = false
    private var hasHost = false
    private let limit: Int
    /// The pseudo fields in the order in which they came: one letter in each byte, the last one lowest.
    public private(set) var order: UInt32 = 0
    /// The first thing that is wrong; the request is refused with it when its head is complete.
    public private(set) var problem: HeadError?
    /// A length is declared: DATA is passed on as it is, else in chunks.
    public private(set) var hasLength = false

    /// `limit`: bytes of the whole head that are kept; more is `headTooLarge`.
    public init(limit: Int) { self.limit = limit }

    public var isHead: Bool { ByteScan.equals(method.bytes, "HEAD") }

    /// Takes one field, in the order of the header block.
    public mutating func add(_ name: Span<UInt8>, _ value: Span<UInt8>) {
        if problem != nil { return }
        if lines.count + cookie.count + path.count + name.count + value.count > limit {
            problem = .headTooLarge
        } else if ByteScan.endOfValue(value, from: 0) != value.count {
            // A line end in a value would be a field of its own in HTTP/1.1.
            problem = .badFieldValue
        } else if name.isEmpty {
            problem = .badFieldName
        } else if name[0] == UInt8(ascii: ":") {
            problem = pseudo(name, value)
        } else {
            problem = field(name, value)
        }
    }

    /// Each at most once, none behind a field, none that is not of RFC 9113 §8.3.1.
    private mutating func pseudo(_ name: Span<UInt8>, _ value: Span<UInt8>) -> HeadError? {
        if value.isEmpty { return .badRequestLine }
        if hasHost || hasLength || !lines.isEmpty || !cookie.isEmpty { return .badRequestLine }
        if ByteScan.equals(name, ":method") {
            if !method.isEmpty || !RequestText.isToken(value) { return .badMethod }
            method.append(value)
        } else if ByteScan.equals(name, ":path") {
            if !path.isEmpty || !RequestText.isPath(value) { return .badTarget }
            path.append(value)
        } else if ByteScan.equals(name, ":authority") {
            if !authority.isEmpty { return .twoHosts }
            authority.append(value)
        } else if ByteScan.equals(name, ":scheme") {
            // What is no web address is no business of a gate before web servers.
            if hasScheme || !(ByteScan.equals(value, "https") || ByteScan.equals(value, "http")) { return .badTarget }
            hasScheme = true
        } else {
            return .badRequestLine
        }
        order = order << 8 | UInt32(name[1])
        return nil
    }

    private mutating func field(_ name: Span<UInt8>, _ value: Span<UInt8>) -> HeadError? {
        if !RequestText.isFieldName(name) { return .badFieldName }
        switch FieldName.recognise(name) {
        case .connection, .keepAlive, .proxyConnection, .upgrade, .http2Settings: return .badFieldName
        case .transferEncoding: return .badTransferEncoding
        case .te: if !ByteScan.equalsFolding(value, "trailers") { return .badFieldValue }
        case .host:
            if hasHost { return .twoHosts }
            hasHost = true
            host.append(value)
            return nil
        case .cookie:
            // Clients may send a cookie in parts, which compress better; HTTP/1.1 knows one field (RFC 9113 §8.2.3).
            if !cookie.isEmpty { cookie.append("; ") }
            cookie.append(value)
            return nil
        case .contentLength: hasLength = true
        default: break
        }
        HeadWriter.field(name, value, to: &lines)
        return nil
    }

    /// As new, but for the memory.
    public mutating func reset() {
        method.removeAll()
        path.removeAll()
        authority.removeAll()
        host.removeAll()
        lines.removeAll()
        cookie.removeAll()
        hasScheme = false
        hasHost = false
        hasLength = false
        order = 0
        problem = nil
    }

    /// Writes the head. The trailing reader refuses what is missing. Called once, when the header block is complete.
    public mutating func finish(into text: inout ByteBuffer) {
        if problem == nil { problem = agree() }
        if problem != nil { return }
        text.append(method.bytes)
        text.append(" ")
        text.append(path.bytes)
        text.append(" HTTP/1.1\r\n")
        if !authority.isEmpty {
            HeadWriter.field("Host", authority.bytes, to: &text)
        } else if hasHost {
            HeadWriter.field("Host", host.bytes, to: &text)
        }
        text.append(lines.bytes)
        if !cookie.isEmpty { HeadWriter.field("cookie", cookie.bytes, to: &text) }
        text.append("\r\n")
    }

    private func agree() -> HeadError? {
        if method.isEmpty { return .badMethod }
        if ByteScan.equals(method.bytes, "CONNECT") { return .connectMethod }
        if path.isEmpty || !hasScheme { return .badRequestLine }
        // Servers differ in which of the two they believe.
        if hasHost && !authority.isEmpty && !ByteSearch.equalsIgnoringCase(host.bytes, authority.bytes) {
            return .hostMismatch
        }
        return nil
    }

    private static func isToken(_ text: Span<UInt8>) -> Bool {
        for index in text.indices where !ByteClass.isToken(text[index]) { return false }
        return true
    }

    /// A token without capitals (RFC 9113 §8.2.1).
    private static func isFieldName(_ name: Span<UInt8>) -> Bool {
        for index in name.indices where !ByteClass.isToken(name[index]) || name[index] &- 65 < 26 { return false }
        return true
    }

    /// The origin form, or `*`.
    private static func isPath(_ path: Span<UInt8>) -> Bool {
        if path[0] != UInt8(ascii: "/") { return ByteScan.equals(path, "*") }
        for index in path.indices where path[index] <= 32 || path[index] >= 127 || path[index] == UInt8(ascii: "#") {
            return false
        }
        return true
    }
}
