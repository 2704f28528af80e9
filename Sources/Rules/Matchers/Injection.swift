// SPDX-License-Identifier: Apache-2.0
import CInjection

/// libinjection's two questions. Owner of the door to it.
public enum Injection {
    public static func isSQL(_ text: Span<UInt8>) -> Bool {
        if text.isEmpty { return false }
        var fingerprint: (UInt64, UInt64) = (0, 0)
        return unsafe text.withUnsafeBufferPointer { source in
            unsafe source.withMemoryRebound(to: CChar.self) { bytes in
                unsafe withUnsafeMutableBytes(of: &fingerprint) { print in
                    unsafe libinjection_sqli(
                        bytes.baseAddress, bytes.count, print.baseAddress?.assumingMemoryBound(to: CChar.self)) == 1
                }
            }
        }
    }

    public static func isScript(_ text: Span<UInt8>) -> Bool {
        if text.isEmpty { return false }
        return unsafe text.withUnsafeBufferPointer { source in
            unsafe source.withMemoryRebound(to: CChar.self) { bytes in
                unsafe libinjection_xss(bytes.baseAddress, bytes.count) == 1
            }
        }
    }
}
