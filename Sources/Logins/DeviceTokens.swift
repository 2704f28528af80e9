// SPDX-License-Identifier: Apache-2.0

/// The gate's own mark for a device from which somebody logged in: a random number and a day, signed, so that a device that was never here cannot
/// claim one. It says nothing of who logged in; that an account knows the device stands in the detection's memory. Immutable, any thread.
///
///     hex( number: 16 bytes, day since 1970: 4 bytes, the first 16 bytes of HMAC-SHA-256 of both )
public struct DeviceTokens: Sendable {
    /// The prefix makes browsers refuse it from anybody but this host over TLS (RFC 6265bis §4.1.3.2).
    public static let cookieName = "__Host-loginward-device"
    public static let keyBytes = 32
    /// A year; browsers keep no cookie longer than 400 days.
    public static let maximumAge = 31_536_000
    /// From this age on a device that logs in gets a new one.
    static let renewalDays = 180

    private static let numberBytes = 16
    private static let signedBytes = 20
    private static let length = 72

    private let key: [UInt8]

    /// `key`: 32 random bytes, the same for as long as devices should be known.
    public init(key: [UInt8]) { self.key = key }

    /// A new token.
    public func make(unixSeconds: Int64) -> [UInt8] {
        var random = SystemRandomNumberGenerator()
        var bytes: [UInt8] = []
        for _ in 0..<2 { DeviceTokens.append(random.next() as UInt64, 8, to: &bytes) }
        DeviceTokens.append(UInt64(max(0, unixSeconds) / 86_400), 4, to: &bytes)
        let mac = MessageCode.sha256(of: bytes, key: key)
        bytes += mac.prefix(DeviceTokens.numberBytes)
        return bytes.flatMap { [DeviceTokens.digit($0 >> 4), DeviceTokens.digit($0 & 15)] }
    }

    /// Whether this is a token of ours that still counts, and whether it is so old that the next login should bring another.
    public func check(_ text: Span<UInt8>, unixSeconds: Int64) -> (isOurs: Bool, isOld: Bool) {
        guard text.count == DeviceTokens.length, let bytes = DeviceTokens.bytes(text) else { return (false, false) }
        let signed = Array(bytes[..<DeviceTokens.signedBytes])
        let mac = MessageCode.sha256(of: signed, key: key)
        // Every byte is looked at: how long it takes says nothing of where they differ.
        var difference: UInt8 = 0
        for index in 0..<DeviceTokens.numberBytes { difference |= mac[index] ^ bytes[DeviceTokens.signedBytes + index] }
        if difference != 0 { return (false, false) }
        let day = signed[DeviceTokens.numberBytes...].reduce(Int64(0)) { $0 << 8 | Int64($1) }
        let age = unixSeconds / 86_400 - day
        return (age <= Int64(DeviceTokens.maximumAge / 86_400), age >= Int64(DeviceTokens.renewalDays))
    }

    private static func append(_ value: UInt64, _ count: Int, to bytes: inout [UInt8]) {
        for index in (0..<count).reversed() { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }

    /// Small letters only: one token has one spelling.
    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 48...57: digit - 48
        case 97...102: digit - 87
        default: nil
        }
    }

    private static func bytes(_ text: Span<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 2)
        for index in stride(from: 0, to: text.count - 1, by: 2) {
            guard let high = value(text[index]), let low = value(text[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }
}
