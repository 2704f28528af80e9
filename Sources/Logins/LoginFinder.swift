// SPDX-License-Identifier: Apache-2.0
public import Wire

/// Recognises a login that nobody declared: a body with something like a password, or a password grant. Stateless.
public enum LoginFinder {
    /// Longest body that is read only to look for a login in it. Nobody's name and password are longer.
    public static let bodyLimit: UInt64 = 16 * 1024
    /// Longest normalised path, in bytes, and its segments.
    static let shapeLimit = 128
    private static let segmentLimit = 8

    /// Where the typed name stands in a body that holds one password; nil: this is no login. `.some(nil)`: a login without a name.
    public static func find(in body: borrowing NamedValues) -> Int?? {
        let arena = body.arena
        var passwords = 0
        var name: Int?
        var rank = 0
        for index in 0..<min(body.entries.count, 64) {
            let entry = body.entries[index]
            let word = lastWord(arena.span.slice(entry.name))
            if isPassword(word) && entry.kind == .string {
                passwords += 1
                continue
            }
            let found = rankOfName(word)
            if found > rank && entry.kind != .null {
                rank = found
                name = index
            }
        }
        // Two of them set a password, they do not prove one: a sign-up or a change.
        return passwords == 1 ? .some(name) : nil
    }

    /// The last part of a dotted or bracketed name, lower case, without "_" and "-".
    private static func lastWord(_ name: Span<UInt8>) -> [UInt8] {
        var word: [UInt8] = []
        for index in name.indices {
            switch name[index] {
            case UInt8(ascii: "."), UInt8(ascii: "["): word.removeAll()
            case UInt8(ascii: "]"), UInt8(ascii: "_"), UInt8(ascii: "-"): continue
            default: word.append(ByteSearch.lowercased(name[index]))
            }
        }
        return word
    }

    /// Whether a field of this name holds a password.
    public static func isPassword(_ name: Span<UInt8>) -> Bool { isPassword(lastWord(name)) }

    private static func isPassword(_ word: [UInt8]) -> Bool {
        [
            "password", "passwd", "pass", "pwd", "passphrase", "passcode", "userpassword", "loginpassword",
            "secretpassword",
        ]
        .contains { word.elementsEqual($0.utf8) }
            || word.count > 8 && word.suffix(8).elementsEqual("password".utf8)
            || word.count > 8 && word.prefix(8).elementsEqual("password".utf8)
    }

    /// How much a name looks like that of a user's name; 0: not at all.
    private static func rankOfName(_ word: [UInt8]) -> Int {
        let ranks = [
            "username": 9, "userlogin": 9, "loginname": 9, "login": 8, "identifier": 8, "uidfield": 8, "email": 7,
            "emailaddress": 7, "useremail": 7, "user": 6, "log": 5, "account": 5, "uid": 5, "userid": 5, "phone": 4,
            "name": 3,
        ]
        return ranks[String(decoding: word, as: UTF8.self)] ?? 0
    }

    /// The path with whatever varies replaced: segments with digits, long ones and odd ones become "{}". So an attacker who writes numbers into
    /// a path does not make new routes.
    public static func appendShape(of path: Span<UInt8>, to out: inout [UInt8]) {
        let begin = out.count
        var start = 0
        var segments = 0
        while start < path.count {
            if path[start] == UInt8(ascii: "/") {
                start += 1
                continue
            }
            let end = ByteSearch.find(UInt8(ascii: "/"), in: path, from: start) ?? path.count
            let segment = path.extracting(start..<end)
            start = end
            segments += 1
            if segments > segmentLimit || out.count - begin + segment.count > shapeLimit {
                out.append("/...")
                return
            }
            out.append(UInt8(ascii: "/"))
            if isPlain(segment) { out.append(segment) } else { out.append("{}") }
        }
        if out.count == begin { out.append(UInt8(ascii: "/")) }
    }

    /// Letters, "-", "_" and ".", at most 32; a version ("v2", "oauth2") may end in one or two digits.
    private static func isPlain(_ segment: Span<UInt8>) -> Bool {
        if segment.count > 32 { return false }
        var digits = 0
        for index in segment.indices {
            switch segment[index] {
            case 97...122, 65...90, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): continue
            case 48...57:
                digits += 1
                if digits > 2 || index == 0 { return false }
            default: return false
            }
        }
        return true
    }
}
