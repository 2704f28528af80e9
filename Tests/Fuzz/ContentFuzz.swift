// SPDX-License-Identifier: Apache-2.0

import Wire

/// Bodies, codings and addresses.
extension Fuzz {
    static let content = [
        Fuzz(name: "form", run: form), Fuzz(name: "json", run: json), Fuzz(name: "multipart", run: multipart),
        Fuzz(name: "text", run: text), Fuzz(name: "inflate", run: inflate), Fuzz(name: "address", run: address),
        Fuzz(name: "forwarded", run: forwarded), Fuzz(name: "proxy", run: proxy), Fuzz(name: "time", run: time),
        Fuzz(name: "base64", run: base64),
    ]

    private static func look(_ values: borrowing NamedValues) {
        for entry in values.entries {
            _ = values.arena.span.slice(entry.name)
            _ = values.arena.span.slice(entry.value)
        }
    }

    private static func form(_ bytes: Span<UInt8>) {
        var values = NamedValues()
        FormReader.read(bytes, into: &values)
        look(values)
        precondition(values.arena.count <= bytes.count)
    }

    private static func json(_ bytes: Span<UInt8>) {
        var values = NamedValues()
        _ = try? JSONReader.read(bytes, into: &values)
        look(values)
    }

    /// The first line is the boundary, as a parameter of Content-Type and by itself.
    private static func multipart(_ bytes: Span<UInt8>) {
        guard let end = ByteSearch.find(10, in: bytes) else { return }
        let first = bytes.extracting(0..<end)
        var values = NamedValues()
        if let range = MultipartReader.boundary(ofContentType: first) { _ = first.slice(range) }
        if end == 0 || end > 70 { return }
        _ = try? MultipartReader.read(bytes.extracting((end + 1)..<bytes.count), boundary: first, into: &values)
        look(values)
    }

    /// Whatever is written can be read again.
    private static func text(_ bytes: Span<UInt8>) {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key(bytes)
        writer.beginArray()
        writer.string(bytes)
        writer.number(-1)
        writer.endArray()
        writer.endObject()
        if bytes.count > 16_384 { return }
        var values = NamedValues()
        do {
            try JSONReader.read(writer.bytes.span, into: &values)
        } catch {
            preconditionFailure("our own JSON is refused: \(error)")
        }
    }

    /// The first byte chooses the coding. The limit holds whatever the input says.
    private static func inflate(_ bytes: Span<UInt8>) {
        if bytes.isEmpty { return }
        var out: [UInt8] = []
        _ = try? Inflater().inflate(
            bytes.extracting(1..<bytes.count), encoding: bytes[0] & 1 == 0 ? .gzip : .deflate, limit: 65_536, into: &out
        )
        precondition(out.count <= 65_536)
    }

    private static func address(_ bytes: Span<UInt8>) {
        if let address = IPAddress(bytes) {
            precondition(IPAddress(address.description) == address)
            for length in 0...128 { precondition(address.masked(to: length) <= address) }
        }
        let text = (0..<bytes.count).reduce(into: "") { $0.unicodeScalars.append(Unicode.Scalar(bytes[$1])) }
        if let prefix = IPPrefix(text) {
            precondition(IPPrefix(prefix.description) == prefix && prefix.contains(prefix.address))
            precondition(IPPrefixSet([prefix]).contains(prefix.address))
        }
    }

    private static func forwarded(_ bytes: Span<UInt8>) {
        var end = bytes.count
        var count = 0
        while let range = ForwardedAddress.previous(in: bytes, before: &end) {
            let element = bytes.slice(range)
            _ = ForwardedAddress.address(element)
            _ = ForwardedAddress.forwardedFor(element)
            count += 1
            precondition(count <= bytes.count + 1)
        }
    }

    private static func proxy(_ bytes: Span<UInt8>) {
        guard case .header(let consumed, _) = try? ProxyProtocol.parse(bytes) else { return }
        precondition(consumed > 0 && consumed <= bytes.count)
        for end in 0..<consumed {
            guard let part = try? ProxyProtocol.parse(bytes.extracting(0..<end)) else {
                preconditionFailure("refused after \(end) of \(consumed) bytes")
            }
            precondition(part == .incomplete)
        }
    }

    private static func time(_ bytes: Span<UInt8>) {
        guard let seconds = Timestamp.parse(bytes) else { return }
        let (nanoseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow || seconds < 0 { return }
        var text: [UInt8] = []
        Timestamp.write(unixNanoseconds: nanoseconds, to: &text)
        precondition(Timestamp.parse(text.span) == seconds)
    }

    private static func base64(_ bytes: Span<UInt8>) {
        var out: [UInt8] = []
        _ = Base64.decode(bytes, into: &out)
        precondition(out.count <= bytes.count)
    }
}
