// SPDX-License-Identifier: Apache-2.0
public import Wire

/// Reads denylist files: one entry a line, `VALUE [EXPIRES|-] [reason…]`, "#" begins a comment. One bad line rejects the whole load.
public enum DenylistReader {
    /// Problems that are told; the rest is counted.
    private static let problemLimit = 100

    enum Kind: String, CaseIterable {
        case login = "usr.login="
        case userID = "usr.id="
        case userAgent = "user_agent="
        case fingerprint = "fingerprint="
    }

    struct Parsed {
        var networks: [(IPPrefix, Int32)] = []
        var texts: [Kind: [([UInt8], Int32)]] = [:]
        var entries: [Denylist.Entry] = []
    }

    /// `files` are paths with their contents. With any problem there is no list.
    public static func read(_ files: [(path: String, contents: [UInt8])]) -> (list: Denylist?, problems: [Problem]) {
        var parsed = Parsed()
        var problems: [Problem] = []
        for file in files { read(file.contents.span, file.path, &parsed, &problems) }
        if problems.isEmpty { return (Denylist(parsed), []) }
        if problems.count > problemLimit {
            let more = problems.count - problemLimit
            problems.removeLast(more)
            problems.append(Problem(Place(file: problems[0].place.file), "and \(more) more problems in lists"))
        }
        return (nil, problems)
    }

    private static func read(_ text: Span<UInt8>, _ path: String, _ parsed: inout Parsed, _ problems: inout [Problem]) {
        var start = 0
        var line = 0
        while start < text.count {
            line += 1
            let end = ByteSearch.find(10, in: text, from: start) ?? text.count
            var stop = end
            if stop > start && text[stop - 1] == 13 { stop -= 1 }
            readLine(text, ByteRange(start, stop), Place(file: path, line: line, column: 1), &parsed, &problems)
            start = end + 1
        }
    }

    private static func readLine(
        _ text: Span<UInt8>, _ whole: ByteRange, _ place: Place, _ parsed: inout Parsed, _ problems: inout [Problem]
    ) {
        let range = ByteSearch.trim(text, whole)
        if range.isEmpty || text[Int(range.start)] == UInt8(ascii: "#") { return }
        let line = text.slice(range)
        var cursor = 0
        guard let value = word(line, &cursor, place, &problems) else { return }
        var expires = Int64.max
        let before = cursor
        if let second = word(line, &cursor, place, &problems), second != Array("-".utf8) {
            if second.first == UInt8(ascii: "#") {
                cursor = before
            } else if let time = Timestamp.parse(second.span) {
                expires = time
            } else {
                problems.append(
                    Problem(
                        place, "\"\(String(decoding: second, as: UTF8.self))\" is not a time",
                        hint: "VALUE [EXPIRES|-] [reason]; EXPIRES as 2026-12-24T00:00:00Z, or - for never"))
                return
            }
        }
        var reason = ""
        let rest = line.slice(ByteSearch.trim(line, ByteRange(min(cursor, line.count), line.count)))
        if !rest.isEmpty && rest[0] != UInt8(ascii: "#") {
            var bytes: [UInt8] = []
            bytes.append(rest)
            reason = String(decoding: bytes, as: UTF8.self)
        }
        let number = Int32(parsed.entries.count)
        if !add(value, number, place, &parsed, &problems) { return }
        parsed.entries.append(Denylist.Entry(reason: reason, expires: expires, line: place.line, file: place.file))
    }

    /// The next word; one that begins with a quote, also behind "=", goes to the closing quote, so that values may hold spaces.
    private static func word(
        _ line: Span<UInt8>, _ cursor: inout Int, _ place: Place, _ problems: inout [Problem]
    ) -> [UInt8]? {
        while cursor < line.count && (line[cursor] == 32 || line[cursor] == 9) { cursor += 1 }
        if cursor >= line.count { return nil }
        var out: [UInt8] = []
        var inQuotes = false
        while cursor < line.count && (inQuotes || line[cursor] != 32 && line[cursor] != 9) {
            if line[cursor] == 34 { inQuotes.toggle() } else { out.append(line[cursor]) }
            cursor += 1
        }
        if inQuotes { problems.append(Problem(place, "quote without end")) }
        return out
    }

    private static func add(
        _ value: [UInt8], _ number: Int32, _ place: Place, _ parsed: inout Parsed, _ problems: inout [Problem]
    ) -> Bool {
        for kind in Kind.allCases where value.starts(with: kind.rawValue.utf8) {
            let text = Array(value.dropFirst(kind.rawValue.utf8.count))
            if text.isEmpty {
                problems.append(Problem(place, "\(kind.rawValue) without a value"))
                return false
            }
            parsed.texts[kind, default: []].append((text, number))
            return true
        }
        let text = String(decoding: value, as: UTF8.self)
        switch IPPrefix.parse(text) {
        case .success(let prefix):
            parsed.networks.append((prefix, number))
            return true
        case .failure(.hostBits(let prefix)):
            problems.append(Problem(place, "\"\(text)\" has bits behind its prefix", hint: "did you mean \(prefix)?"))
        case .failure(.badLength): problems.append(Problem(place, "\"\(text)\" has no valid prefix length"))
        case .failure(.notAnAddress):
            problems.append(
                Problem(
                    place, "\"\(text)\" is not an address, network or known kind",
                    hint: "kinds: \(Kind.allCases.map(\.rawValue).joined(separator: " "))"))
        }
        return false
    }
}
