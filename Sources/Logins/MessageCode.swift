// SPDX-License-Identifier: Apache-2.0
import COpenSSL

/// HMAC (RFC 2104) over SHA-256: says that a message is from whoever has the key. Stateless.
public enum MessageCode {
    /// 32 bytes.
    public static func sha256(of message: [UInt8], key: [UInt8]) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 0
        unsafe HMAC(EVP_sha256(), key, Int32(clamping: key.count), message, message.count, &code, &length)
        return code
    }
}
