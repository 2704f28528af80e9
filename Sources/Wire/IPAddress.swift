// SPDX-License-Identifier: Apache-2.0

/// An IP address as 128 bits; IPv4 stands as ::ffff:a.b.c.d, so that both families share every table.
public struct IPAddress: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var high: UInt64
    public var low: UInt64

    public static let loopback = IPAddress(v4: 0x7f00_0001)

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    public init(v4: UInt32) { self.init(high: 0, low: 0xffff_0000_0000 | UInt64(v4)) }

    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        self.init(bytes.span)
    }

    /// Dotted decimal without leading zeros, or RFC 4291 text; no zone, no brackets, no port. A mapped address is IPv4.
    public init?(_ text: Span<UInt8>) {
        if let v4 = IPAddressText.v4(text) {
            self.init(v4: v4)
        } else if let v6 = IPAddressText.v6(text) {
            self = v6
        } else {
            return nil
        }
    }

    public var isIPv4: Bool { high == 0 && low >> 32 == 0xffff }

    /// The IPv4 address, when it is one.
    public var v4: UInt32 { UInt32(truncatingIfNeeded: low) }

    public var isUnspecified: Bool { high == 0 && (low == 0 || low == 0xffff_0000_0000) }

    /// 127.0.0.0/8 and ::1.
    public var isLoopback: Bool { isIPv4 ? v4 >> 24 == 127 : high == 0 && low == 1 }

    /// RFC 1918, link-local, shared (100.64/10), unique local (fc00::/7) and loopback: no address of the public internet.
    public var isPrivate: Bool {
        if isLoopback { return true }
        if isIPv4 {
            let address = v4
            return address >> 24 == 10 || address >> 20 == 0xac1 || address >> 16 == 0xc0a8 || address >> 16 == 0xa9fe
                || address >> 22 == 0x6440 >> 6
        }
        return high >> 57 == 0xfc >> 1 || high >> 54 == 0xfe80 >> 6
    }

    /// The first `length` bits of 128, the rest zero.
    public func masked(to length: Int) -> IPAddress {
        if length >= 128 { return self }
        if length <= 0 { return IPAddress(high: 0, low: 0) }
        if length <= 64 {
            return IPAddress(high: length == 64 ? high : high & ~(UInt64.max >> UInt64(length)), low: 0)
        }
        return IPAddress(high: high, low: low & ~(UInt64.max >> UInt64(length - 64)))
    }

    public static func < (left: IPAddress, right: IPAddress) -> Bool {
        left.high == right.high ? left.low < right.low : left.high < right.high
    }

    public func write<Sink: ByteSink & ~Copyable>(to out: inout Sink) {
        let text = IPAddressText(self)
        out.append(text.span)
    }

    public var description: String {
        var out: [UInt8] = []
        write(to: &out)
        return String(decoding: out, as: UTF8.self)
    }
}
