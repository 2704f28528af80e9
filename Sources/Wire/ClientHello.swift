// SPDX-License-Identifier: Apache-2.0

/// What a TLS client says of itself in its first message (RFC 8446 §4.1.2), as far as fingerprints need it. A value, one per handshake.
public struct ClientHello: Sendable {
    /// Entries of one list that are kept; the message itself is bounded by whoever reads it (OpenSSL: 128 KiB).
    static let listLimit = 512

    public private(set) var legacyVersion: UInt16 = 0
    public private(set) var cipherSuites: [UInt16] = []
    /// Types in the order in which they came.
    public private(set) var extensions: [UInt16] = []
    public private(set) var supportedVersions: [UInt16] = []
    public private(set) var groups: [UInt16] = []
    public private(set) var pointFormats: [UInt8] = []
    public private(set) var signatureAlgorithms: [UInt16] = []
    /// It names the server (RFC 6066 §3).
    public private(set) var hasServerName = false
    /// The first protocol that it offers (RFC 7301); empty when it offers none.
    public private(set) var firstProtocol: [UInt8] = []

    /// A whole handshake message: type, length, body. nil: it is no ClientHello, or not well formed.
    public init?(_ message: Span<UInt8>) {
        var reader = WordReader(0, message.count)
        guard reader.byte(message) == 1, let length = reader.number(message, bytes: 3), length == message.count - 4,
            let version = reader.number(message, bytes: 2), reader.skip(32),
            let session = reader.byte(message), session <= 32, reader.skip(session),
            let suites = reader.vector(message, lengthBytes: 2), ClientHello.words(suites, message, &cipherSuites),
            let compression = reader.byte(message), compression > 0, reader.skip(compression)
        else { return nil }
        legacyVersion = UInt16(truncatingIfNeeded: version)
        // Without a word about extensions there are none (TLS 1.2).
        if reader.isAtEnd { return }
        guard var list = reader.vector(message, lengthBytes: 2), reader.isAtEnd else { return nil }
        while !list.isAtEnd {
            guard let type = list.number(message, bytes: 2), var content = list.vector(message, lengthBytes: 2),
                read(UInt16(truncatingIfNeeded: type), &content, message)
            else { return nil }
        }
    }

    private mutating func read(_ type: UInt16, _ content: inout WordReader, _ message: Span<UInt8>) -> Bool {
        if extensions.count < ClientHello.listLimit { extensions.append(type) }
        switch type {
        case 0x0000: hasServerName = true
        case 0x000a:
            guard let list = content.vector(message, lengthBytes: 2) else { return false }
            return ClientHello.words(list, message, &groups)
        case 0x000b:
            guard var list = content.vector(message, lengthBytes: 1) else { return false }
            pointFormats.removeAll()
            while let format = list.byte(message) { pointFormats.append(UInt8(truncatingIfNeeded: format)) }
        case 0x000d:
            guard let list = content.vector(message, lengthBytes: 2) else { return false }
            return ClientHello.words(list, message, &signatureAlgorithms)
        case 0x0010:
            guard var list = content.vector(message, lengthBytes: 2) else { return false }
            firstProtocol.removeAll()
            if list.isAtEnd { return true }
            guard var name = list.vector(message, lengthBytes: 1) else { return false }
            while let byte = name.byte(message) { firstProtocol.append(UInt8(truncatingIfNeeded: byte)) }
        case 0x002b:
            guard let list = content.vector(message, lengthBytes: 1) else { return false }
            return ClientHello.words(list, message, &supportedVersions)
        default: break
        }
        return true
    }

    /// All of `list` as numbers of two bytes; false when a byte is left over.
    private static func words(_ list: WordReader, _ message: Span<UInt8>, _ out: inout [UInt16]) -> Bool {
        var list = list
        out.removeAll()
        while !list.isAtEnd {
            guard let word = list.number(message, bytes: 2) else { return false }
            if out.count < listLimit { out.append(UInt16(truncatingIfNeeded: word)) }
        }
        return true
    }

    /// A value that clients put into any list to keep servers tolerant (RFC 8701). It means nothing and changes from one connection to the next.
    public static func isGrease(_ value: UInt16) -> Bool {
        value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
    }
}

/// A place in a message and the end that it may not pass.
private struct WordReader {
    private var place: Int
    private let end: Int

    init(_ place: Int, _ end: Int) {
        self.place = place
        self.end = end
    }

    var isAtEnd: Bool { place == end }

    mutating func byte(_ message: Span<UInt8>) -> Int? { number(message, bytes: 1) }

    mutating func number(_ message: Span<UInt8>, bytes: Int) -> Int? {
        if end - place < bytes { return nil }
        var value = 0
        for index in place..<place + bytes { value = value << 8 | Int(message[index]) }
        place += bytes
        return value
    }

    mutating func skip(_ count: Int) -> Bool {
        if end - place < count { return false }
        place += count
        return true
    }

    /// What a length announces, as a reader of its own.
    mutating func vector(_ message: Span<UInt8>, lengthBytes: Int) -> WordReader? {
        guard let count = number(message, bytes: lengthBytes) else { return nil }
        let start = place
        return skip(count) ? WordReader(start, place) : nil
    }
}
