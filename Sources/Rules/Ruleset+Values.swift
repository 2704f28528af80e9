// SPDX-License-Identifier: Apache-2.0
import Wire

/// Subjects with many values: everything below a name, all names, all fields.
extension Ruleset {
    func visitValues(
        _ filter: borrowing ValueFilter, _ values: borrowing NamedValues, isDotted: Bool, _ body: (Span<UInt8>) -> Void
    ) {
        let isPlain = filter.excluded.isEmpty
        for index in values.entries.indices where filter.takes(values.entries[index].kind) {
            let entry = values.entries[index]
            if !isPlain && filter.leavesOut(values.arena.span.slice(entry.name), isDotted: isDotted) { continue }
            body(values.arena.span.slice(entry.value))
        }
    }

    func visitTree(
        _ name: borrowing [UInt8], _ filter: borrowing ValueFilter, _ values: borrowing NamedValues,
        _ body: (Span<UInt8>) -> Void
    ) {
        for index in values.entries.indices where filter.takes(values.entries[index].kind) {
            let entry = values.entries[index]
            let own = values.arena.span.slice(entry.name)
            if !Self.stands(own, under: name.span) || filter.leavesOut(own, isDotted: true) { continue }
            body(values.arena.span.slice(entry.value))
        }
    }

    /// Each name, and each part of one with dots: a key of nested JSON.
    func visitNames(
        _ name: borrowing [UInt8], _ filter: borrowing ValueFilter, _ values: borrowing NamedValues, isDotted: Bool,
        _ body: (Span<UInt8>) -> Void
    ) {
        for index in values.entries.indices {
            let own = values.arena.span.slice(values.entries[index].name)
            if !name.isEmpty && (own.count <= name.count || !Self.stands(own, under: name.span)) { continue }
            if filter.leavesOut(own, isDotted: isDotted) { continue }
            let below = name.isEmpty ? own : own.extracting((name.count + 1)..<own.count)
            body(below)
            if isDotted { Self.visitParts(below, body) }
        }
    }

    /// `name` is `path` or begins with it and a dot.
    private static func stands(_ name: Span<UInt8>, under path: Span<UInt8>) -> Bool {
        if path.isEmpty { return true }
        if name.count < path.count || !ByteSearch.equals(name.extracting(0..<path.count), path) { return false }
        return name.count == path.count || name[path.count] == UInt8(ascii: ".")
    }

    private static func visitParts(_ name: Span<UInt8>, _ body: (Span<UInt8>) -> Void) {
        var start = 0
        while let dot = ByteSearch.find(UInt8(ascii: "."), in: name, from: start) {
            if dot > start { body(name.extracting(start..<dot)) }
            start = dot + 1
        }
        if start > 0 && start < name.count { body(name.extracting(start..<name.count)) }
    }

    /// File names of a multipart body: their names end in ".filename".
    func visitFileNames(
        _ filter: borrowing ValueFilter, _ values: borrowing NamedValues, _ body: (Span<UInt8>) -> Void
    ) {
        for index in values.entries.indices where values.entries[index].kind == .fileName {
            let entry = values.entries[index]
            if filter.leavesOut(values.arena.span.slice(entry.name), isDotted: true) { continue }
            body(values.arena.span.slice(entry.value))
        }
    }

    func visitFields(
        _ subject: borrowing Subject, _ filter: borrowing ValueFilter, _ head: borrowing RequestHead,
        _ bytes: Span<UInt8>, _ scratch: EvaluationScratch, _ body: (Span<UInt8>) -> Void
    ) {
        for index in head.fields.indices {
            let field = head.fields[index]
            if field.known == .cookie {
                if case .headers = copy subject {} else { continue }
            }
            let name = bytes.slice(field.name)
            if filter.leavesOut(name, isDotted: false, foldsCase: true) { continue }
            if case .headerNames = copy subject {
                visitLowercased(name, scratch, body)
            } else {
                body(bytes.slice(field.value))
            }
        }
    }

    func visitCookies(
        _ subject: borrowing Subject, _ filter: borrowing ValueFilter, _ head: borrowing RequestHead,
        _ bytes: Span<UInt8>, _ body: (Span<UInt8>) -> Void
    ) {
        for index in head.fields.indices where head.fields[index].known == .cookie {
            let value = bytes.slice(head.fields[index].value)
            var from = 0
            while let pair = CookieReader.next(in: value, from: &from) {
                if filter.leavesOut(value.slice(pair.name), isDotted: false) { continue }
                if case .cookieNames = copy subject {
                    body(value.slice(pair.name))
                } else {
                    body(value.slice(pair.value))
                }
            }
        }
    }

    /// Names of fields are compared in lower case.
    func visitLowercased(_ name: Span<UInt8>, _ scratch: EvaluationScratch, _ body: (Span<UInt8>) -> Void) {
        scratch.text.removeAll(keepingCapacity: true)
        for index in name.indices { scratch.text.append(ByteSearch.lowercased(name[index])) }
        let text = scratch.text
        body(text.span)
    }
}
