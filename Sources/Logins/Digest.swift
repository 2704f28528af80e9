// SPDX-License-Identifier: Apache-2.0
import COpenSSL

/// SHA-256 of short texts, for fingerprints; no secret goes through it. Stateless.
enum Digest {
    /// The first 32 bits of the digest.
    static func head(of text: Span<UInt8>) -> UInt32 {
        unsafe text.withUnsafeBufferPointer { unsafe COpenSSL_sha256_head($0.baseAddress, $0.count) }
    }
}
