// SPDX-License-Identifier: Apache-2.0
import Glibc
import Logins
import Wire

/// How a service's requests are shared out among its servers.
package enum Balancing: Equatable, Sendable {
    /// To the server with the fewest outstanding requests for its weight; equals take turns by weight.
    case leastOutstanding
    /// The same client address (or IPv6 prefix) comes to the same server.
    case clientAddress
    /// The same value of this cookie comes to the same server; without it as by `leastOutstanding`.
    case cookie([UInt8])
}

/// What keeps a client at one server. The server is the winner of a weighted rendezvous (Thaler and Ravishankar 1998): when one is missing,
/// only its own clients move, and every loop, restart and installation agrees. Not against enemies: a client that chooses its key chooses
/// its server.
enum Affinity {
    /// The key by which `exchange` is kept at one server; nil: any will do.
    static func key(of exchange: Exchange, by balancing: Balancing) -> UInt64? {
        switch balancing {
        case .leastOutstanding: return nil
        case .clientAddress:
            let address = exchange.client
            // Shorter than a prefix of one household an IPv6 address says nothing: its owner changes it at will.
            let known = address.isIPv4 ? address : address.masked(to: exchange.policy.trust.prefixLength)
            return mix(known.high ^ mix(known.low))
        case .cookie(let name):
            let bytes = exchange.requestSpan
            for index in exchange.request.fields.indices where exchange.request.fields[index].known == .cookie {
                let cookies = bytes.slice(exchange.request.fields[index].value)
                var from = 0
                while let pair = CookieReader.next(in: cookies, from: &from) {
                    if ByteSearch.equals(cookies.slice(pair.name), name.span), !pair.value.isEmpty {
                        return hash(cookies.slice(pair.value))
                    }
                }
            }
            return nil
        }
    }

    /// How much the server with this hash wants the key; the highest wins. `weight` is above 0.
    static func score(_ key: UInt64, server: UInt64, weight: Double) -> Double {
        // 53 bits, strictly between 0 and 1.
        let share = (Double(mix(key ^ server) >> 11) + 0.5) * 0x1p-53
        return weight / -log(share)
    }

    static func hash(_ bytes: Span<UInt8>) -> UInt64 {
        var hash = StableHash()
        hash.add(bytes)
        return mix(hash.value)
    }

    /// The finalizer of MurmurHash3: every bit of the value moves every bit of the result.
    static func mix(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed >> 33)) &* 0xff51_afd7_ed55_8ccd
        mixed = (mixed ^ (mixed >> 33)) &* 0xc4ce_b9fe_1a85_ec53
        return mixed ^ (mixed >> 33)
    }
}
