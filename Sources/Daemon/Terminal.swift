// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Lines for a person at a terminal.
enum Terminal {
    static func error(_ text: String) {
        var line = Array(text.utf8)
        line.append(10)
        write(line, to: 2)
    }

    /// Writes all of it, or what the descriptor takes.
    static func write(_ bytes: [UInt8], to descriptor: Int32) {
        var done = 0
        while done < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(descriptor, buffer.baseAddress.map { unsafe $0 + done }, buffer.count - done)
            }
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { return }
            done += count
        }
    }
}
