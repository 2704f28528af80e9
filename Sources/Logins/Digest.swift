// SPDX-License-Identifier: Apache-2.0
import COpenSSL

/// SHA-256 of short texts, for fingerprints, and what is signed with a key of the gate. Stateless.
enum Digest {
    /// The first 32 bits of the digest.
    static func head(of text: Span<UInt8>) -> UInt32 {
        unsafe text.withUnsafeBufferPointer { unsafe COpenSSL_sha256_head($0.baseAddress, $0.count) }
    }

    /// HMAC-SHA-256 (RFC 2104), 32 bytes.
    static func mac(key: [UInt8], _ text: Span<UInt8>) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: 32)
        unsafe text.withUnsafeBufferPointer { source in
            unsafe result.withUnsafeMutableBufferPointer {
                unsafe COpenSSL_hmac(key, key.count, source.baseAddress, source.count, $0.baseAddress)
            }
        }
        return result
    }
}
