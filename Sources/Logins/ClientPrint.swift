// SPDX-License-Identifier: Apache-2.0
public import Wire

/// A fingerprint of how the client's program writes its head, where the four of `Fingerprint` are blind: order and case of the names, the shapes of
/// values, the version of HTTP. Stateless.
public enum ClientPrint {
    /// Of a value, more bytes do not change the print.
    private static let valueLimit = 512

    /// `cli-<version>-<count>-<names in order>-<names as written>-<shapes>`: the version without its dot, the number of fields that count, and three
    /// hashes of eight digits. The first is of lower-case names, so that it is the same for one program over HTTP/1.1 and HTTP/2 as far as it sends
    /// the same fields.
    public static func append(_ head: borrowing RequestHead, _ bytes: Span<UInt8>, to out: inout [UInt8]) -> ByteRange {
        let start = out.count
        out.append("cli-")
        switch head.version {
        case .http10: out.append("10-")
        case .http11: out.append("11-")
        case .http2: out.append("2-")
        }
        var count = 0
        for index in head.fields.indices where counts(head.fields[index], bytes) { count += 1 }
        out.append(decimal: UInt64(count))
        out.append("-")
        Fingerprint.appendHash(to: &out) { out in
            for index in head.fields.indices where counts(head.fields[index], bytes) {
                let name = bytes.slice(head.fields[index].name)
                for place in name.indices { out.append(ByteSearch.lowercased(name[place])) }
                out.append(",")
            }
        }
        out.append("-")
        Fingerprint.appendHash(to: &out) { out in
            for index in head.fields.indices where counts(head.fields[index], bytes) {
                out.append(bytes.slice(head.fields[index].name))
                out.append(",")
            }
        }
        out.append("-")
        Fingerprint.appendHash(to: &out) { out in
            for index in head.fields.indices where hasShape(head.fields[index], bytes) {
                appendShape(bytes.slice(head.fields[index].value), to: &out)
                out.append(10)
            }
        }
        return ByteRange(start, out.count)
    }

    /// Left out is what comes and goes from one request to the next, and what proxies on the way write.
    private static func counts(_ field: HeadField, _ bytes: Span<UInt8>) -> Bool {
        switch field.known {
        case .cookie, .authorization, .contentLength, .transferEncoding, .expect, .via, .forwarded, .xForwardedFor,
            .xForwardedProto, .xForwardedHost, .xForwardedPort, .xRealIP, .xRequestID:
            return false
        case .other:
            let name = bytes.slice(field.name)
            switch name.count {
            case 5: return !ByteScan.equalsFolding(name, "range")
            case 8: return !ByteScan.equalsFolding(name, "if-range")
            case 11: return !ByteScan.equalsFolding(name, "traceparent")
            case 10: return !ByteScan.equalsFolding(name, "tracestate")
            case 13: return !ByteScan.equalsFolding(name, "if-none-match")
            case 17: return !ByteScan.equalsFolding(name, "if-modified-since")
            default: return true
            }
        default: return true
        }
    }

    /// Values that the program chooses, not the page or the person.
    private static func hasShape(_ field: HeadField, _ bytes: Span<UInt8>) -> Bool {
        switch field.known {
        case .accept, .acceptEncoding, .acceptLanguage, .acceptCharset, .connection, .te, .cacheControl, .userAgent,
            .contentType:
            return true
        case .other:
            let name = bytes.slice(field.name)
            if name.count >= 9 && ByteScan.equalsFolding(name.extracting(0..<7), "sec-ch-") { return true }
            switch name.count {
            case 6: return ByteScan.equalsFolding(name, "pragma")
            case 8: return ByteScan.equalsFolding(name, "priority")
            default: return false
            }
        default: return false
        }
    }

    /// Runs of letters become "a", runs of digits "0"; what stands between them shows how the value was put together.
    static func appendShape(_ value: Span<UInt8>, to out: inout [UInt8]) {
        var last: UInt8 = 0
        for index in 0..<min(value.count, valueLimit) {
            let byte = value[index]
            var shape = byte
            if byte >= 48 && byte <= 57 { shape = UInt8(ascii: "0") }
            if byte | 32 >= 97 && byte | 32 <= 122 { shape = UInt8(ascii: "a") }
            if shape != last || shape == byte && shape != UInt8(ascii: "0") && shape != UInt8(ascii: "a") {
                out.append(shape)
            }
            last = shape
        }
    }
}
