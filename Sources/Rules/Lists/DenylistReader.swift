// SPDX-License-Identifier: Apache-2.0
public import Wire

/// Reads list files: one entry a line, `VALUE [EXPIRES|-] [mode=…] [since=…] [source=…] [reason…]`, "#" begins a comment. One bad line rejects the
/// whole load.
public enum DenylistReader {
    /// Problems that are told; the rest is counted.
    private static let problemLimit = 100

    /// What the lines of all files said so far.
    struct Parsed: Sendable {
        var v4: [IPv4Table.Element] = []
        var v6: [IPv6Table.Element] = []
        /// By `ListKind.rawValue`.
        var texts: [TextTable]
        var details = ListDetails()
        var files: [String] = []

        init(seed: UInt64) { texts = ListKind.allCases.map { _ in TextTable(seed: seed) } }
    }

    /// `files` are paths with their contents. With any problem there is no list. `seed` is unknown to whoever chooses the names that are
    /// looked for.
    public static func read(
        _ files: [(path: String, contents: [UInt8])], seed: UInt64 = .random(in: 0 ... .max)
    ) -> (list: Denylist?, problems: [Problem]) {
        var parsed = Parsed(seed: seed)
        var problems: [Problem] = []
        var more = 0
        for file in files {
            parsed.files.append(file.path)
            read(file.contents.span, file.path, &parsed, &problems, &more)
        }
        if problems.isEmpty { return (Denylist(parsed), []) }
        if more > 0 {
            problems.append(Problem(Place(file: problems[0].place.file), "and \(more) more problems in lists"))
        }
        return (nil, problems)
    }

    /// One entry, as a line of a file has it; nil for an empty line or a comment.
    public static func readLine(_ line: Span<UInt8>) throws(ListMistake) -> ListEntry? {
        var parsed = Parsed(seed: 0)
        parsed.files = [""]
        try add(line, &parsed)
        var found: ListEntry?
        Denylist(parsed).forEach {
            found = $0
            return false
        }
        return found
    }

    private static func read(
        _ text: Span<UInt8>, _ path: String, _ parsed: inout Parsed, _ problems: inout [Problem], _ more: inout Int
    ) {
        var start = 0
        var line = 0
        while start < text.count {
            line += 1
            let end = ByteScan.find(10, text, from: start)
            do throws(ListMistake) {
                try add(text.extracting(start..<end), &parsed)
            } catch {
                if problems.count == problemLimit {
                    more += 1
                } else {
                    problems.append(Problem(Place(file: path, line: line, column: 1), error.what, hint: error.hint))
                }
            }
            start = end + 1
        }
    }

    private static func add(_ whole: Span<UInt8>, _ parsed: inout Parsed) throws(ListMistake) {
        var line = whole
        while line.count > 0, line[line.count - 1] <= 32 { line = line.extracting(0..<(line.count - 1)) }
        var cursor = skipSpace(line, 0)
        if cursor >= line.count || line[cursor] == UInt8(ascii: "#") { return }
        let start = cursor
        var isQuoted = false
        while cursor < line.count && line[cursor] > 32 {
            if line[cursor] == 34 { isQuoted = true }
            cursor += 1
        }
        var quoted: [UInt8] = []
        if isQuoted { cursor = try readQuoted(line, start, into: &quoted) }
        let rest = skipSpace(line, cursor)
        var expires = Int64.max
        let reason = try readTime(line, rest, &expires)
        let file = UInt32(parsed.files.count - 1)
        let detail = try parsed.details.intern(line.extracting(reason..<line.count), file: file)
        let fate = ListFate(expires: ListFate.seconds(expires), detail: detail)
        if isQuoted {
            try add(quoted.span, fate, &parsed)
            return
        }
        try add(line.extracting(start..<cursor), fate, &parsed)
    }

    private static func add(_ word: Span<UInt8>, _ fate: ListFate, _ parsed: inout Parsed) throws(ListMistake) {
        // Most lines by far are plain addresses, or names.
        if let address = IPAddress(word) {
            add(IPPrefix(address, length: 128), fate, &parsed)
            return
        }
        let login = "usr.login=".utf8.span
        if word.count > login.count && word.count <= 512 && ByteSearch.equals(word.extracting(0..<login.count), login) {
            try add(.login, word.extracting(login.count..<word.count), fate, &parsed)
            return
        }
        switch try ListSubject.parse(word).get() {
        case .network(let prefix): add(prefix, fate, &parsed)
        case .text(let kind, let value): try add(kind, value.span, fate, &parsed)
        }
    }

    private static func add(
        _ kind: ListKind, _ value: Span<UInt8>, _ fate: ListFate, _ parsed: inout Parsed
    ) throws(ListMistake) {
        if !parsed.texts[Int(kind.rawValue)].append(value, fate) {
            throw ListMistake("more texts than fit into one list (4 GiB)")
        }
    }

    private static func add(_ prefix: IPPrefix, _ fate: ListFate, _ parsed: inout Parsed) {
        if prefix.address.isIPv4 && prefix.length >= 96 {
            parsed.v4.append(
                IPv4Table.Element(address: prefix.address.v4, length: UInt8(prefix.length - 96), fate: fate))
        } else {
            parsed.v6.append(IPv6Table.Element(address: prefix.address, fate: fate, length: UInt8(prefix.length)))
        }
    }

    private static func skipSpace(_ line: Span<UInt8>, _ start: Int) -> Int {
        var index = start
        while index < line.count && (line[index] == 32 || line[index] == 9) { index += 1 }
        return index
    }

    /// A word with quotes in it: from one quote to the next, spaces belong to it. Returns where it ends.
    private static func readQuoted(
        _ line: Span<UInt8>, _ start: Int, into out: inout [UInt8]
    ) throws(ListMistake) -> Int {
        var cursor = start
        var inQuotes = false
        while cursor < line.count && (inQuotes || line[cursor] > 32) {
            if line[cursor] == 34 { inQuotes.toggle() } else { out.append(line[cursor]) }
            cursor += 1
        }
        if inQuotes { throw ListMistake("quote without end") }
        return cursor
    }

    /// The time at `start`, or "-" or nothing; returns where the rest of the line begins.
    private static func readTime(
        _ line: Span<UInt8>, _ start: Int, _ expires: inout Int64
    ) throws(ListMistake) -> Int {
        if start >= line.count { return line.count }
        if line[start] == UInt8(ascii: "#") { return line.count }
        var end = start
        while end < line.count && line[end] > 32 { end += 1 }
        let word = line.extracting(start..<end)
        if word.count != 1 || word[0] != UInt8(ascii: "-") {
            guard let time = Timestamp.parse(word) else {
                var bytes: [UInt8] = []
                bytes.append(word)
                throw ListMistake(
                    "\"\(String(decoding: bytes, as: UTF8.self))\" is not a time",
                    hint: "VALUE [EXPIRES|-] [reason]; EXPIRES as 2026-12-24T00:00:00Z, or - for never")
            }
            expires = time
        }
        let rest = skipSpace(line, end)
        // A comment behind the time; behind a reason it is part of it.
        return rest < line.count && line[rest] == UInt8(ascii: "#") ? line.count : rest
    }
}
