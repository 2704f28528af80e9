// SPDX-License-Identifier: Apache-2.0
import COpenSSL

/// OpenSSL's error queue, which is per thread. Stateless.
enum OpenSSL {
    /// The first reason in the queue, which is emptied. OpenSSL puts the cause first and its consequences behind it.
    static func takeReason() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        if code == 0 { return "unknown reason" }
        guard let text = unsafe ERR_reason_error_string(code) else { return "error \(code)" }
        return unsafe String(cString: text)
    }

    /// The first reason as a number, without emptying the queue.
    static func peekReason() -> Int32 { Int32(truncatingIfNeeded: ERR_peek_error() & 0x7f_ffff) }
}
