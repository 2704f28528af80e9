// SPDX-License-Identifier: Apache-2.0
import COpenSSL
public import Wire

/// The fingerprints of a TLS client, made of its ClientHello once per connection. Immutable; shared by the requests of the connection.
///
/// JA4 (FoxIO, `technical_details/JA4.md`): sorted, so that a client that shuffles its extensions keeps its print. JA3 (Salesforce): in order, as older
/// lists of bad clients have it.
public final class TLSPrint: Sendable {
    /// "t13d1516h2_8daaf6152771_e5627efa2ab1"
    public let ja4: [UInt8]
    /// 32 hexadecimal digits; empty where the policy of OpenSSL forbids MD5.
    public let ja3: [UInt8]

    public init(_ hello: borrowing ClientHello) {
        let suites = hello.cipherSuites.filter { !ClientHello.isGrease($0) }
        let extensions = hello.extensions.filter { !ClientHello.isGrease($0) }
        ja4 = TLSPrint.makeJA4(hello, suites, extensions)
        ja3 = TLSPrint.makeJA3(hello, suites, extensions)
    }

    // MARK: JA4

    private static func makeJA4(
        _ hello: borrowing ClientHello, _ suites: [UInt16], _ extensions: [UInt16]
    ) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(36)
        out.append("t")
        let offered = hello.supportedVersions.filter { !ClientHello.isGrease($0) }
        out.append(versionText(offered.max() ?? hello.legacyVersion))
        out.append(hello.hasServerName ? "d" : "i")
        appendCount(suites.count, to: &out)
        appendCount(extensions.count, to: &out)
        appendProtocol(hello.firstProtocol, to: &out)
        out.append("_")
        appendHash(of: list(suites.sorted()), to: &out)
        out.append("_")
        var text = list(extensions.filter { $0 != 0x0000 && $0 != 0x0010 }.sorted())
        let algorithms = hello.signatureAlgorithms.filter { !ClientHello.isGrease($0) }
        if !algorithms.isEmpty {
            text.append("_")
            text += list(algorithms)
        }
        // Without extensions there are no algorithms either.
        appendHash(of: text, to: &out)
        return out
    }

    private static func versionText(_ version: UInt16) -> StaticString {
        switch version {
        case 0x0304: "13"
        case 0x0303: "12"
        case 0x0302: "11"
        case 0x0301: "10"
        case 0x0300: "s3"
        case 0x0002: "s2"
        default: "00"
        }
    }

    private static func appendCount(_ count: Int, to out: inout [UInt8]) {
        let shown = UInt8(truncatingIfNeeded: min(count, 99))
        out.append(48 + shown / 10)
        out.append(48 + shown % 10)
    }

    /// The first and the last character; of what is no letter or digit, those of its hexadecimal form.
    private static func appendProtocol(_ name: [UInt8], to out: inout [UInt8]) {
        guard let first = name.first, let last = name.last else {
            out.append("00")
            return
        }
        if isPlain(first) && isPlain(last) {
            out.append(first)
            out.append(last)
        } else {
            out.append(digit(first >> 4))
            out.append(digit(last & 15))
        }
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 48 && byte <= 57 || byte | 32 >= 97 && byte | 32 <= 122
    }

    private static func list(_ values: [UInt16]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(values.count * 5)
        for value in values {
            if !out.isEmpty { out.append(UInt8(ascii: ",")) }
            for shift in [UInt16(12), 8, 4, 0] { out.append(digit(UInt8(truncatingIfNeeded: value >> shift & 15))) }
        }
        return out
    }

    /// Twelve digits; zeros say that there was nothing.
    private static func appendHash(of text: [UInt8], to out: inout [UInt8]) {
        if text.isEmpty { out.append("000000000000") } else { out += digest("SHA256", text).prefix(12) }
    }

    // MARK: JA3

    private static func makeJA3(
        _ hello: borrowing ClientHello, _ suites: [UInt16], _ extensions: [UInt16]
    ) -> [UInt8] {
        var text: [UInt8] = []
        text.append(decimal: UInt64(hello.legacyVersion))
        append(suites, to: &text)
        append(extensions, to: &text)
        append(hello.groups.filter { !ClientHello.isGrease($0) }, to: &text)
        append(hello.pointFormats.map(UInt16.init), to: &text)
        return digest("MD5", text)
    }

    private static func append(_ values: [UInt16], to out: inout [UInt8]) {
        out.append(",")
        for (index, value) in values.enumerated() {
            if index > 0 { out.append("-") }
            out.append(decimal: UInt64(value))
        }
    }

    // MARK: Digests

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }

    /// In hexadecimal; empty when OpenSSL does not offer the algorithm.
    private static func digest(_ algorithm: String, _ text: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        unsafe withUnsafeTemporaryAllocation(byteCount: Int(EVP_MAX_MD_SIZE), alignment: 1) { room in
            let count = unsafe COpenSSL_digest(algorithm, text, text.count, room.baseAddress)
            for index in 0..<max(0, Int(count)) {
                out.append(digit(unsafe room[index] >> 4))
                out.append(digit(unsafe room[index] & 15))
            }
        }
        return out
    }
}
