// SPDX-License-Identifier: Apache-2.0
package import Wire

/// Whom the client's address is believed from, and where it is read.
package struct ClientAddressPolicy: Sendable {
    package enum Header: Equatable, Sendable {
        /// A comma-separated list of addresses, the nearest last (X-Forwarded-For).
        case list([UInt8])
        /// RFC 7239.
        case forwarded
    }

    package let trusted: IPPrefixSet
    package let headers: [Header]
    /// Length of the IPv6 prefix that stands for one client, 1–128.
    package let prefixLength: Int

    /// `headers` are lower-case field names, read in this order; the first that gives an address wins.
    package init(trusted: IPPrefixSet, headers: [String], prefixLength: Int) {
        self.trusted = trusted
        self.headers = headers.map { $0 == "forwarded" ? .forwarded : .list(Array($0.utf8)) }
        self.prefixLength = prefixLength
    }
}

/// Who is asking: walks forwarding headers from the right, over trusted networks only, so that what a client forged to the
/// left of the first untrusted address is never reached.
enum ClientAddress {
    /// The address of the client behind `peer`. A header is read only when the peer is trusted. An element that is no address
    /// ends the walk: the last trusted hop is then all that is known for sure.
    static func find(
        peer: IPAddress, _ head: borrowing RequestHead, _ bytes: Span<UInt8>, _ policy: borrowing ClientAddressPolicy
    ) -> IPAddress {
        if policy.headers.isEmpty || !policy.trusted.contains(peer) { return peer }
        var index = 0
        while index < policy.headers.count {
            let found: IPAddress? =
                switch policy.headers[index] {
                case .forwarded: walk("forwarded".utf8.span, isForwarded: true, head, bytes, policy)
                case .list(let name): walk(name.span, isForwarded: false, head, bytes, policy)
                }
            if let found { return found }
            index += 1
        }
        return peer
    }

    /// The first untrusted address from the right over all fields of this name, the last field first (RFC 9110 §5.3); if every
    /// address is trusted, the leftmost. nil when the rightmost element is no address or the field is absent.
    private static func walk(
        _ name: Span<UInt8>, isForwarded: Bool, _ head: borrowing RequestHead, _ bytes: Span<UInt8>,
        _ policy: borrowing ClientAddressPolicy
    ) -> IPAddress? {
        var nearest: IPAddress?
        var index = head.fields.count
        while index > 0 {
            index -= 1
            let field = head.fields[index]
            if field.name.count != name.count || !ByteSearch.equalsIgnoringCase(bytes.slice(field.name), name) {
                continue
            }
            let value = bytes.slice(field.value)
            var end = value.count
            while let element = ForwardedAddress.previous(in: value, before: &end) {
                // Empty elements of a list say nothing (RFC 9110 §5.6.1.2).
                if element.isEmpty { continue }
                let part = value.slice(element)
                let address = isForwarded ? ForwardedAddress.forwardedFor(part) : ForwardedAddress.address(part)
                guard let address else { return nearest }
                if !policy.trusted.contains(address) { return address }
                nearest = address
            }
        }
        return nearest
    }
}
