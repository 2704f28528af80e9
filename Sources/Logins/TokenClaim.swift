// SPDX-License-Identifier: Apache-2.0
import Wire

/// A claim of a JSON Web Token (RFC 7519) that an answer carries. Its signature is not looked at: it comes from the server that we guard, and
/// is only written down.
enum TokenClaim {
    /// Longest token that is taken apart, in bytes.
    static let tokenLimit = 16 * 1024

    /// Appends the claim's value; nothing when there is none.
    static func append(_ claim: Span<UInt8>, of token: Span<UInt8>, to out: inout [UInt8]) {
        if token.count > tokenLimit { return }
        guard let first = ByteSearch.find(UInt8(ascii: "."), in: token),
            let second = ByteSearch.find(UInt8(ascii: "."), in: token, from: first + 1)
        else { return }
        var payload: [UInt8] = []
        if !Base64.decode(token.extracting((first + 1)..<second), into: &payload) { return }
        var values = NamedValues()
        do throws(ContentError) {
            try JSONReader.read(payload.span, into: &values)
        } catch {
            return
        }
        guard let index = values.first(named: claim), values.entries[index].kind != .null else { return }
        out.append(values.arena.span.slice(values.entries[index].value))
    }
}
