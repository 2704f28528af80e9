// SPDX-License-Identifier: Apache-2.0

/// An address with a port.
public struct PeerEndpoint: Equatable, Sendable {
    public var address: IPAddress
    public var port: UInt16

    public init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }
}

/// The PROXY protocol's preface, versions 1 and 2, read strictly: it decides who the client is.
public enum ProxyProtocol {
    public enum Result: Equatable, Sendable {
        case incomplete
        /// `source` is nil when the proxy speaks for itself (LOCAL) or does not know (UNKNOWN, UNSPEC): the peer is the client.
        case header(consumed: Int, source: PeerEndpoint?)
    }

    /// How many bytes may be read next without touching what follows the preface: the rest of a v2 header, one byte of a v1 line.
    public static func missingBytes(_ bytes: Span<UInt8>) -> Int {
        if bytes.count < 15 { return 15 - bytes.count }
        if bytes[0] != 0x0d { return 1 }
        if bytes.count < 16 { return 1 }
        return max(1, 16 + (Int(bytes[14]) << 8 | Int(bytes[15])) - bytes.count)
    }

    private static var signature: InlineArray<12, UInt8> {
        [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]
    }

    public static func parse(_ bytes: Span<UInt8>) throws(ContentError) -> Result {
        if bytes.isEmpty { return .incomplete }
        return bytes[0] == 0x0d ? try parseBinary(bytes) : try parseText(bytes)
    }

    // MARK: Version 1

    private static func parseText(_ bytes: Span<UInt8>) throws(ContentError) -> Result {
        let word = "PROXY "
        for (index, byte) in word.utf8.enumerated() where index < bytes.count && bytes[index] != byte {
            throw ContentError("not a PROXY preface", at: index)
        }
        guard let end = ByteSearch.find(10, in: bytes) else {
            if bytes.count >= ContentLimits.proxyLineBytes {
                throw ContentError("PROXY line too long", at: bytes.count)
            }
            return .incomplete
        }
        if end >= ContentLimits.proxyLineBytes { throw ContentError("PROXY line too long", at: end) }
        if end < 8 || bytes[end - 1] != 13 { throw ContentError("PROXY line does not end in CRLF", at: end) }
        let line = bytes.extracting(6..<(end - 1))
        if ByteSearch.equals(line, "UNKNOWN".utf8.span)
            || line.count > 8 && ByteSearch.equals(line.extracting(0..<8), "UNKNOWN ".utf8.span)
        {
            return .header(consumed: end + 1, source: nil)
        }
        return .header(consumed: end + 1, source: try parseAddresses(line))
    }

    /// "TCP4 source destination sport dport", one space each.
    private static func parseAddresses(_ line: Span<UInt8>) throws(ContentError) -> PeerEndpoint {
        var parts = InlineArray<5, ByteRange>(repeating: .empty)
        var count = 0
        var start = 0
        while start <= line.count {
            let end = ByteSearch.find(32, in: line, from: start) ?? line.count
            if count == 5 { throw ContentError("too many words in PROXY line", at: start) }
            parts[count] = ByteRange(start, end)
            count += 1
            start = end + 1
        }
        let family = line.slice(parts[0])
        let isV4 = ByteSearch.equals(family, "TCP4".utf8.span)
        if count != 5 || !isV4 && !ByteSearch.equals(family, "TCP6".utf8.span) {
            throw ContentError("unknown family in PROXY line", at: 6)
        }
        guard let source = IPAddress(line.slice(parts[1])), let target = IPAddress(line.slice(parts[2])),
            !isV4 || source.isIPv4 && target.isIPv4
        else { throw ContentError("bad address in PROXY line", at: Int(parts[1].start) + 6) }
        guard let source16 = port(line.slice(parts[3])), port(line.slice(parts[4])) != nil else {
            throw ContentError("bad port in PROXY line", at: Int(parts[3].start) + 6)
        }
        return PeerEndpoint(address: source, port: source16)
    }

    private static func port(_ text: Span<UInt8>) -> UInt16? {
        if text.count > 5 || text.count > 1 && text[0] == 48 { return nil }
        return ByteSearch.decimal(text).flatMap { UInt16(exactly: $0) }
    }

    // MARK: Version 2

    private static func parseBinary(_ bytes: Span<UInt8>) throws(ContentError) -> Result {
        for index in 0..<min(12, bytes.count) where bytes[index] != signature[index] {
            throw ContentError("not a PROXY signature", at: index)
        }
        if bytes.count < 16 { return .incomplete }
        let version = bytes[12] >> 4
        let command = bytes[12] & 15
        if version != 2 || command > 1 { throw ContentError("unknown PROXY version or command", at: 12) }
        let length = Int(bytes[14]) << 8 | Int(bytes[15])
        if length > ContentLimits.proxyHeaderBytes { throw ContentError("PROXY header too long", at: 14) }
        if bytes.count < 16 + length { return .incomplete }
        let consumed = 16 + length
        if command == 0 { return .header(consumed: consumed, source: nil) }
        switch bytes[13] >> 4 {
        case 0: return .header(consumed: consumed, source: nil)
        case 1:
            if length < 12 { throw ContentError("PROXY header too short", at: 14) }
            return .header(
                consumed: consumed,
                source: PeerEndpoint(
                    address: IPAddress(v4: UInt32(word(bytes, 16, 4))), port: UInt16(word(bytes, 24, 2))))
        case 2:
            if length < 36 { throw ContentError("PROXY header too short", at: 14) }
            return .header(
                consumed: consumed,
                source: PeerEndpoint(
                    address: IPAddress(high: word(bytes, 16, 8), low: word(bytes, 24, 8)),
                    port: UInt16(word(bytes, 48, 2))))
        case 3: return .header(consumed: consumed, source: nil)
        default: throw ContentError("unknown PROXY address family", at: 13)
        }
    }

    private static func word(_ bytes: Span<UInt8>, _ start: Int, _ count: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in start..<(start + count) { value = value << 8 | UInt64(bytes[index]) }
        return value
    }
}
