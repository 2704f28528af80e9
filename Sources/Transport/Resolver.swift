// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Glibc

/// Host names to addresses by getaddrinfo, which blocks: on a Dispatch queue of its own, never on a loop. Stateless.
public enum Resolver {
    private static let queue = DispatchQueue(label: "loginward.resolver", attributes: .concurrent)

    /// Calls `completion` off the loop with every IPv4 and IPv6 address, in the order of the system's preference, without duplicates.
    /// An address as host is answered too, without asking anybody.
    public static func resolve(
        host: String, port: UInt16, completion: @escaping @Sendable (Result<[SocketAddress], Fault>) -> Void
    ) {
        queue.async { completion(lookUp(host: host, port: port)) }
    }

    /// The same, blocking; for the start of the program and for tests.
    public static func lookUp(host: String, port: UInt16) -> Result<[SocketAddress], Fault> {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, String(port), &hints, &list)
        if code != 0 {
            let failure = code == EAI_SYSTEM ? errno : 0
            let text = unsafe gai_strerror(code).map { unsafe String(cString: $0) }
            return .failure(Fault(.upstream, "getaddrinfo", errno: failure, detail: "\(host): \(text ?? "failed")"))
        }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = unsafe list
        while let entry = unsafe next {
            if let address = unsafe entry.pointee.ai_addr,
                let raw = unsafe RawAddress(copying: address, length: entry.pointee.ai_addrlen), let value = raw.value,
                !addresses.contains(value)
            {
                addresses.append(value)
            }
            unsafe next = entry.pointee.ai_next
        }
        if addresses.isEmpty { return .failure(Fault(.upstream, "getaddrinfo", detail: "\(host): no address")) }
        return .success(addresses)
    }
}
