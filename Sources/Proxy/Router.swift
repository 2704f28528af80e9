// SPDX-License-Identifier: Apache-2.0
import Wire

/// Which service a request is for, by its authority. Immutable, part of the policy.
package struct Router: Sendable {
    private struct Host: Sendable {
        let name: [UInt8]
        let isWildcard: Bool
        let service: Int
    }

    private let hosts: [Host]
    /// The service without `hosts`, which takes what no other names.
    private let fallback: Int?

    /// `hosts[i]` are the lower-case names of service i: exact, or `*.example.com`; an empty list takes every host.
    package init(hosts: [[String]]) {
        var known: [Host] = []
        var fallback: Int?
        for (service, names) in hosts.enumerated() {
            if names.isEmpty && fallback == nil { fallback = service }
            for name in names {
                let wildcard = name.hasPrefix("*.")
                known.append(
                    Host(
                        name: Array((wildcard ? String(name.dropFirst()) : name).utf8), isWildcard: wildcard,
                        service: service))
            }
        }
        // Exact names before wildcards, and of wildcards the longest first.
        self.hosts = known.sorted { left, right in
            left.isWildcard == right.isWildcard ? left.name.count > right.name.count : !left.isWildcard
        }
        self.fallback = fallback
    }

    /// The service for `authority` (host[:port], any case), or nil when nobody serves it.
    func service(for authority: Span<UInt8>) -> Int? {
        if hosts.isEmpty { return fallback }
        let host = RequestTarget.host(of: authority)
        var index = 0
        while index < hosts.count {
            let name = hosts[index].name
            let candidate = name.span
            if hosts[index].isWildcard {
                if host.count > candidate.count,
                    ByteSearch.equalsIgnoringCase(
                        host.extracting((host.count - candidate.count)..<host.count), candidate)
                {
                    return hosts[index].service
                }
            } else if ByteSearch.equalsIgnoringCase(host, candidate) {
                return hosts[index].service
            }
            index += 1
        }
        return fallback
    }
}
