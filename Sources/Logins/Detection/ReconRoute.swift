// SPDX-License-Identifier: Apache-2.0
import Wire

/// Tells the reset and the sign-up page of a service by what its route, or its path, is called. Stateless.
public enum ReconRoute {
    /// `route` decides when there is one; without it the path does, up to its query. A name that also says login is one.
    public static func isNamed(route: Span<UInt8>, path: Span<UInt8>) -> Bool {
        if !route.isEmpty { return isAsking(route) }
        let end = ByteSearch.find(UInt8(ascii: "?"), in: path) ?? path.count
        return isAsking(path.extracting(0..<end))
    }

    private static func isAsking(_ name: Span<UInt8>) -> Bool {
        var asks = false
        for start in name.indices {
            let rest = name.extracting(start..<name.count)
            if begins(rest, "login") || begins(rest, "signin") || begins(rest, "sign-in") || begins(rest, "sign_in") {
                return false
            }
            asks =
                asks || begins(rest, "reset") || begins(rest, "forgot") || begins(rest, "recover")
                || begins(rest, "signup") || begins(rest, "sign-up") || begins(rest, "sign_up")
                || begins(rest, "register") || begins(rest, "registration")
        }
        return asks
    }

    private static func begins(_ text: Span<UInt8>, _ word: StaticString) -> Bool {
        text.count >= word.utf8CodeUnitCount
            && ByteScan.equalsFolding(text.extracting(0..<word.utf8CodeUnitCount), word)
    }
}
