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
        var parts = Parts()
        if try !split(line, into: &parts) { return nil }
        let subject: ListSubject
        if parts.isQuoted {
            subject = try ListSubject.parse(parts.quoted.span).get()
        } else {
            subject = try ListSubject.parse(line.slice(parts.word)).get()
        }
        var details = ListDetails()
        let number = try details.intern(line.slice(parts.rest), file: 0)
        let row = details.rows[Int(number)]
        return ListEntry(
            subject: subject, expires: parts.expires, reason: Array(details.texts[row.reason.bounds]),
            source: Array(details.texts[row.source.bounds]), time: row.time, isMonitored: row.isMonitored)
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

    /// What a line consists of.
    private struct Parts {
        var word = ByteRange.empty
        var isQuoted = false
        var quoted: [UInt8] = []
        var expires = Int64.max
        var rest = ByteRange.empty
    }

    /// False: the line says nothing.
    private static func split(_ line: Span<UInt8>, into parts: inout Parts) throws(ListMistake) -> Bool {
        var end = line.count
        while end > 0, line[end - 1] <= 32 { end -= 1 }
        var cursor = skipSpace(line, 0, end)
        if cursor >= end || line[cursor] == UInt8(ascii: "#") { return false }
        let start = cursor
        while cursor < end && line[cursor] > 32 {
            if line[cursor] == 34 { parts.isQuoted = true }
            cursor += 1
        }
        if parts.isQuoted { cursor = try readQuoted(line.extracting(0..<end), start, into: &parts.quoted) }
        parts.word = ByteRange(start, cursor)
        let rest = try readTime(line.extracting(0..<end), skipSpace(line, cursor, end), &parts.expires)
        parts.rest = ByteRange(rest, end)
        return true
    }

    private static func add(_ line: Span<UInt8>, _ parsed: inout Parsed) throws(ListMistake) {
        var parts = Parts()
        if try !split(line, into: &parts) { return }
        let file = UInt32(parsed.files.count - 1)
        let detail = try parsed.details.intern(line.slice(parts.rest), file: file)
        let fate = ListFate(expires: ListFate.seconds(parts.expires), detail: detail)
        if parts.isQuoted {
            try add(parts.quoted.span, fate, &parsed)
        } else {
            try add(line.slice(parts.word), fate, &parsed)
        }
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

    private static func skipSpace(_ line: Span<UInt8>, _ start: Int, _ end: Int) -> Int {
        var index = start
        while index < end && (line[index] == 32 || line[index] == 9) { index += 1 }
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
        let rest = skipSpace(line, end, line.count)
        // A comment behind the time; behind a reason it is part of it.
        return rest < line.count && line[rest] == UInt8(ascii: "#") ? line.count : rest
    }
}
