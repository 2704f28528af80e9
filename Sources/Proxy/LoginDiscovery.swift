// SPDX-License-Identifier: Apache-2.0
import Logins
import Wire

/// Finds logins that nobody declared: a password in a small body, or Basic credentials. What it finds is watched at once, as provisional, and
/// reported (`LoginWatch`). Stateless.
enum LoginDiscovery {
    /// Without tests of outcome: what its answers mean is learnt.
    private static let body = LoginRoute(
        name: "", method: nil, path: .prefix([]), user: .nowhere, success: [], failure: [], existsWhen: [],
        unknownWhen: [], userID: nil)
    private static let basic = LoginRoute(
        name: "", method: nil, path: .prefix([]), user: .basic, success: [], failure: [], existsWhen: [],
        unknownWhen: [], userID: nil)

    static func lookAtHead(_ exchange: Exchange) {
        let bytes = exchange.requestSpan
        if exchange.request.method == .post, mayHoldLogin(exchange, bytes) {
            exchange.login.mayBeLogin = true
            return
        }
        // A client that authenticates at a token endpoint is no user.
        if exchange.request.method == .post { return }
        if let index = exchange.request.first(.authorization),
            ByteSearch.hasPrefixIgnoringCase(bytes.slice(exchange.request.fields[index].value), "basic ".utf8.span)
        {
            adopt(LoginDiscovery.basic, exchange)
            exchange.login.nameSource.append("basic")
        }
    }

    /// A small form or JSON body, whose length is known beforehand: nothing else is gathered only for this.
    private static func mayHoldLogin(_ exchange: Exchange, _ bytes: Span<UInt8>) -> Bool {
        guard case .length(let count) = exchange.requestFraming, count > 0,
            count <= min(LoginFinder.bodyLimit, UInt64(exchange.policy.limits.inspectedBytes)),
            !exchange.expectsContinue, let index = exchange.request.first(.contentType)
        else { return false }
        let type = bytes.slice(exchange.request.fields[index].value)
        return MediaType.isForm(type) || MediaType.isJSON(type) || MediaType.isMultipart(type)
    }

    static func lookAtBody(_ exchange: Exchange) {
        guard let found = LoginFinder.find(in: exchange.bodyValues) else { return }
        adopt(LoginDiscovery.body, exchange)
        guard let place = found else { return }
        let arena = exchange.bodyValues.arena
        let entry = exchange.bodyValues.entries[place]
        exchange.login.name.append(arena.span.slice(entry.value))
        exchange.login.hasName = true
        // It ends in a configuration that somebody pastes: a name that could be more than a name is not told.
        if !isPlain(arena.span.slice(entry.name)) { return }
        exchange.login.nameSource.append("body.")
        exchange.login.nameSource.append(arena.span.slice(entry.name))
    }

    private static func isPlain(_ name: Span<UInt8>) -> Bool {
        if name.count > 64 { return false }
        for index in name.indices {
            switch name[index] {
            case 48...57, 65...90, 97...122, UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"),
                UInt8(ascii: "["), UInt8(ascii: "]"):
                continue
            default: return false
            }
        }
        return true
    }

    private static func adopt(_ route: LoginRoute, _ exchange: Exchange) {
        let path = exchange.path
        exchange.login.route = route
        exchange.login.isProvisional = true
        LoginFinder.appendShape(of: path.span, to: &exchange.login.routeName)
    }
}
