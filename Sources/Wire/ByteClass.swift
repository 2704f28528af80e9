// SPDX-License-Identifier: Apache-2.0

/// Which bytes may stand where (RFC 9110 §5.6.2, §5.5). Bit tests on two words: no table to load, no bounds to check.
public enum ByteClass {
    /// The token characters below 64 and from 64 on, one bit each.
    private static var tokenLow: UInt64 { 0x03ff_6cfa_0000_0000 }
    private static var tokenHigh: UInt64 { 0x57ff_ffff_c7ff_fffe }

    @inline(__always)
    public static func isToken(_ byte: UInt8) -> Bool {
        if byte < 64 { return tokenLow & (1 << UInt64(byte)) != 0 }
        if byte < 128 { return tokenHigh & (1 << UInt64(byte - 64)) != 0 }
        return false
    }

    /// Visible characters, space, tab and obs-text; no other control byte.
    @inline(__always)
    public static func isFieldValue(_ byte: UInt8) -> Bool { byte >= 32 && byte != 127 || byte == 9 }

    @inline(__always)
    public static func isDigit(_ byte: UInt8) -> Bool { byte &- 48 < 10 }

    @inline(__always)
    public static func isAlphanumeric(_ byte: UInt8) -> Bool { byte &- 48 < 10 || (byte | 32) &- 97 < 26 }

    /// Letters, digits, "-", ".", "_" and "~": what a host name is made of. RFC 3986 allows more, which no name in use has and which
    /// servers read in their own ways ("%", ",", "=").
    @inline(__always)
    static func isHostName(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) || byte == 45 || byte == 46 || byte == 95 || byte == 126
    }
}
