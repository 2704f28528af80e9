// SPDX-License-Identifier: Apache-2.0
import Glibc
public import Wire

/// Where something listens or is connected. A value; text is "1.2.3.4:80", "[2001:db8::1]:80" or "unix:/path".
public enum SocketAddress: Hashable, Sendable, CustomStringConvertible {
    case ip(IPAddress, UInt16)
    case unix(String)

    /// nil when the text is none of the three forms. Host names are not addresses: see `Resolver`.
    public init?(_ text: String) {
        if text.hasPrefix("unix:") {
            let path = text.dropFirst(5)
            // A path in sockaddr_un has at most 107 bytes and its zero.
            if path.isEmpty || path.utf8.count > 107 || path.utf8.contains(0) { return nil }
            self = .unix(String(path))
            return
        }
        guard let (host, port) = SocketAddress.split(text) else { return nil }
        if host.hasPrefix("[") {
            guard let address = IPAddress(String(host.dropFirst().dropLast())), !address.isIPv4 else { return nil }
            self = .ip(address, port)
        } else {
            guard let address = IPAddress(String(host)), address.isIPv4 else { return nil }
            self = .ip(address, port)
        }
    }

    /// "host:port" into its two halves; a host with a colon must stand in brackets, which stay. nil when there is no valid port.
    public static func split(_ text: String) -> (host: Substring, port: UInt16)? {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let host = text[..<colon]
        let digits = text[text.index(after: colon)...]
        guard !host.isEmpty, !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }),
            let port = UInt16(digits)
        else { return nil }
        if host.hasPrefix("[") != host.hasSuffix("]") { return nil }
        if host.contains(":") && !host.hasPrefix("[") { return nil }
        return (host, port)
    }

    /// The IP address, nil for a Unix socket.
    public var address: IPAddress? {
        if case .ip(let address, _) = self { return address }
        return nil
    }

    public var port: UInt16 {
        if case .ip(_, let port) = self { return port }
        return 0
    }

    public var description: String {
        switch self {
        case .ip(let address, let port):
            address.isIPv4 ? "\(address.description):\(port)" : "[\(address.description)]:\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

extension RawAddress {
    /// nil: a Unix path that does not fit (107 bytes).
    init?(_ address: SocketAddress) {
        self.init()
        switch address {
        case .ip(let ip, let port):
            if ip.isIPv4 {
                write(
                    sockaddr_in(
                        sin_family: sa_family_t(AF_INET), sin_port: port.bigEndian,
                        sin_addr: in_addr(s_addr: UInt32(truncatingIfNeeded: ip.low).bigEndian),
                        sin_zero: (0, 0, 0, 0, 0, 0, 0, 0)
                    ))
            } else {
                var six = sockaddr_in6()
                six.sin6_family = sa_family_t(AF_INET6)
                six.sin6_port = port.bigEndian
                unsafe withUnsafeMutableBytes(of: &six.sin6_addr) { bytes in
                    unsafe bytes.storeBytes(of: ip.high.bigEndian, toByteOffset: 0, as: UInt64.self)
                    unsafe bytes.storeBytes(of: ip.low.bigEndian, toByteOffset: 8, as: UInt64.self)
                }
                write(six)
            }
        case .unix(let path):
            var unix = sockaddr_un()
            unix.sun_family = sa_family_t(AF_UNIX)
            let bytes = Array(path.utf8)
            let fits = unsafe withUnsafeMutableBytes(of: &unix.sun_path) { room in
                if bytes.isEmpty || bytes.count >= room.count { return false }
                unsafe room.copyBytes(from: bytes)
                return true
            }
            if !fits { return nil }
            write(unix)
        }
    }

    /// What it says; nil for families that we do not speak. An unnamed Unix peer has an empty path.
    var value: SocketAddress? {
        switch family {
        case AF_INET:
            let four = read(sockaddr_in.self)
            return .ip(IPAddress(v4: UInt32(bigEndian: four.sin_addr.s_addr)), UInt16(bigEndian: four.sin_port))
        case AF_INET6:
            let six = read(sockaddr_in6.self)
            let (high, low) = unsafe withUnsafeBytes(of: six.sin6_addr) { bytes in
                unsafe (bytes.load(as: UInt64.self), bytes.load(fromByteOffset: 8, as: UInt64.self))
            }
            return .ip(
                IPAddress(high: UInt64(bigEndian: high), low: UInt64(bigEndian: low)), UInt16(bigEndian: six.sin6_port))
        case AF_UNIX:
            let header = MemoryLayout<sa_family_t>.size
            let count = max(0, min(Int(length), MemoryLayout<sockaddr_un>.size) - header)
            let path = unsafe withUnsafeBytes(of: read(sockaddr_un.self)) { bytes in
                unsafe Array(bytes[header..<header + count].prefix { $0 != 0 })
            }
            return .unix(String(decoding: path, as: UTF8.self))
        default: return nil
        }
    }
}
