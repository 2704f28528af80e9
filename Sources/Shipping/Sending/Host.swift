// SPDX-License-Identifier: Apache-2.0
import Glibc
import Transport

/// What the machine calls itself and what time it shows. Stateless.
package enum Host {
    package static func name() -> String {
        var name = [UInt8](repeating: 0, count: 256)
        let result: Int32 = unsafe name.withUnsafeMutableBytes { bytes in
            guard let start = unsafe bytes.bindMemory(to: CChar.self).baseAddress else { return -1 }
            return unsafe gethostname(start, bytes.count - 1)
        }
        return result == 0 ? String(decoding: name.prefix { $0 != 0 }, as: UTF8.self) : "unknown"
    }

    static func unixNanoseconds() -> UInt64 {
        UInt64(clamping: MonotonicTime.unixNanoseconds())
    }
}
