// SPDX-License-Identifier: Apache-2.0

/// A network: the first `length` of 128 bits. A single address is a network of 128.
public struct IPPrefix: Hashable, Sendable, CustomStringConvertible {
    public let address: IPAddress
    /// 0–128; an IPv4 /24 is 120.
    public let length: Int

    /// `length` of 128; bits behind it are cleared.
    public init(_ address: IPAddress, length: Int) {
        self.address = address.masked(to: length)
        self.length = length
    }

    public init?(_ text: String) {
        guard case .success(let prefix) = IPPrefix.parse(text) else { return nil }
        self = prefix
    }

    /// Why a text is no network.
    public enum Mistake: Error, Equatable, Sendable {
        case notAnAddress, badLength
        /// Bits behind the prefix are set; the network that was probably meant.
        case hostBits(IPPrefix)
    }

    /// "192.0.2.1", "192.0.2.0/24", "2001:db8::/32".
    public static func parse(_ text: String) -> Result<IPPrefix, Mistake> {
        let bytes = Array(text.utf8)
        let slash = bytes.firstIndex(of: UInt8(ascii: "/"))
        guard let address = IPAddress(bytes.span.extracting(0..<(slash ?? bytes.count))) else {
            return .failure(.notAnAddress)
        }
        guard let slash else { return .success(IPPrefix(address, length: 128)) }
        let width = address.isIPv4 && !bytes[..<slash].contains(58) ? 32 : 128
        guard let bits = ByteSearch.decimal(bytes.span.extracting((slash + 1)..<bytes.count)), bits <= width,
            bytes.count - slash <= 4
        else { return .failure(.badLength) }
        let prefix = IPPrefix(address, length: 128 - width + Int(bits))
        return prefix.address == address ? .success(prefix) : .failure(.hostBits(prefix))
    }

    public func contains(_ other: IPAddress) -> Bool { other.masked(to: length) == address }

    public var description: String {
        if length == 128 { return address.description }
        return address.isIPv4 && length >= 96 ? "\(address)/\(length - 96)" : "\(address)/\(length)"
    }
}

/// A small set of networks, such as the trusted proxies: merged into sorted ranges, found by halving. Immutable.
public struct IPPrefixSet: Sendable {
    private let first: [IPAddress]
    private let last: [IPAddress]

    public init(_ prefixes: [IPPrefix]) {
        var first: [IPAddress] = []
        var last: [IPAddress] = []
        for prefix in prefixes.sorted(by: { $0.address == $1.address ? $0.length < $1.length : $0.address < $1.address }
        ) {
            let end = IPPrefixSet.end(of: prefix)
            // Networks nest or are apart; a nested one adds nothing.
            if let previous = last.last, !(previous < prefix.address) { continue }
            first.append(prefix.address)
            last.append(end)
        }
        self.first = first
        self.last = last
    }

    private static func end(of prefix: IPPrefix) -> IPAddress {
        let rest = 128 - prefix.length
        if rest == 0 { return prefix.address }
        if rest <= 64 {
            let mask = rest == 64 ? UInt64.max : (1 << UInt64(rest)) - 1
            return IPAddress(high: prefix.address.high, low: prefix.address.low | mask)
        }
        let mask = rest == 128 ? UInt64.max : (1 << UInt64(rest - 64)) - 1
        return IPAddress(high: prefix.address.high | mask, low: .max)
    }

    public var isEmpty: Bool { first.isEmpty }

    public func contains(_ address: IPAddress) -> Bool {
        var low = 0
        var high = first.count
        while low < high {
            let middle = (low + high) / 2
            if address < first[middle] { high = middle } else { low = middle + 1 }
        }
        return low > 0 && !(last[low - 1] < address)
    }
}
