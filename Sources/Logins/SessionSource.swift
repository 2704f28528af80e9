// SPDX-License-Identifier: Apache-2.0
public import Wire

/// Where the answer to a login hands out what its user is known by afterwards. A value.
public enum SessionSource: Equatable, Sendable {
    case cookie([UInt8])
    /// Lower-case field name.
    case header([UInt8])
    /// Dotted name in a JSON body.
    case body([UInt8])
}

/// What passes for a session's token where no route says where it stands. Stateless.
public enum SessionToken {
    /// Shorter values can be guessed, so nobody's session hangs on them.
    public static let leastBytes = 16

    /// Names under which services hand out bearer tokens, lower case, without "_" and "-".
    private static let bodyNames: Set<[UInt8]> = Set(
        [
            "accesstoken", "token", "idtoken", "sessiontoken", "sessionid", "authtoken", "authenticationtoken", "jwt",
            "bearer", "bearertoken",
        ].map { Array($0.utf8) })

    /// Cookies of load balancers and against forged requests, which many users share or nobody is known by.
    private static let others = [
        "bigip", "awsalb", "awselb", "serverid", "routeid", "incap_ses", "visid_incap", "__cf", "cf_", "_ga", "_gid",
        "csrf", "xsrf", "antiforgery",
    ].map { Array($0.utf8) }

    /// `name` may be dotted; what counts is its last part.
    public static func isBodyName(_ name: Span<UInt8>) -> Bool {
        var last: [UInt8] = []
        for index in name.indices {
            if name[index] == UInt8(ascii: ".") {
                last.removeAll()
            } else if name[index] != UInt8(ascii: "_") && name[index] != UInt8(ascii: "-") {
                last.append(ByteSearch.lowercased(name[index]))
            }
        }
        return bodyNames.contains(last)
    }

    public static func isCookieName(_ name: Span<UInt8>) -> Bool {
        var lower: [UInt8] = []
        for index in name.indices { lower.append(ByteSearch.lowercased(name[index])) }
        return !others.contains { OutcomeTest.contains(lower.span, $0.span) }
    }

    /// The name and the value that a Set-Cookie field sets; nil when it takes one away.
    public static func cookie(_ field: Span<UInt8>) -> (name: ByteRange, value: ByteRange)? {
        guard let pair = SetCookie.pair(field), !pair.value.isEmpty else { return nil }
        return pair
    }
}
