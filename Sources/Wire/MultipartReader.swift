// SPDX-License-Identifier: Apache-2.0

/// multipart/form-data (RFC 7578): names with values. Of a file part the name stands with an empty value and its file name as
/// "NAME.filename"; file contents are not kept.
public enum MultipartReader {
    /// The boundary parameter of a Content-Type value, without quotes; nil when there is none or it breaks RFC 2046.
    public static func boundary(ofContentType type: Span<UInt8>) -> ByteRange? {
        guard let range = parameter("boundary", of: type), !range.isEmpty, range.count <= ContentLimits.boundaryBytes
        else {
            return nil
        }
        return range
    }

    public static func read(
        _ text: Span<UInt8>, boundary: Span<UInt8>, into values: inout NamedValues
    ) throws(ContentError) {
        guard var cursor = findDelimiter(text, boundary, from: 0, atStart: true) else {
            throw ContentError("multipart body without its boundary", at: 0)
        }
        while true {
            // Behind "--boundary": "--" ends the body, CRLF begins a part.
            if cursor + 2 <= text.count && text[cursor] == 45 && text[cursor + 1] == 45 { return }
            while cursor < text.count && (text[cursor] == 32 || text[cursor] == 9) { cursor += 1 }
            if cursor + 2 > text.count || text[cursor] != 13 || text[cursor + 1] != 10 {
                throw ContentError("multipart delimiter does not end its line", at: cursor)
            }
            let headStart = cursor + 2
            let head = try readHead(text, from: headStart)
            guard let end = findDelimiter(text, boundary, from: head.end, atStart: false) else {
                throw ContentError("multipart part without end", at: headStart)
            }
            let contentEnd = end - boundary.count - 4
            append(text, head, ByteRange(head.end, max(head.end, contentEnd)), to: &values)
            if values.isIncomplete { return }
            cursor = end
        }
    }

    private struct PartHead {
        var name = ByteRange.empty
        var fileName: ByteRange?
        var hasName = false
        var end = 0
    }

    private static func append(
        _ text: Span<UInt8>, _ head: PartHead, _ content: ByteRange, to values: inout NamedValues
    ) {
        if values.entries.count + 2 > ContentLimits.entries {
            values.isIncomplete = true
            return
        }
        let name = text.slice(head.name)
        guard let fileName = head.fileName else {
            values.append(name: name, value: text.slice(content))
            return
        }
        values.append(name: name, value: text.extracting(0..<0))
        let start = values.arena.count
        values.arena.append(name)
        values.arena.append(".filename")
        let middle = values.arena.count
        values.arena.append(text.slice(fileName))
        values.entries.append(
            NamedValues.Entry(
                name: ByteRange(start, middle), value: ByteRange(middle, values.arena.count), kind: .fileName))
    }

    /// Header lines of a part up to the empty line.
    private static func readHead(_ text: Span<UInt8>, from start: Int) throws(ContentError) -> PartHead {
        var head = PartHead()
        var line = start
        while true {
            guard let feed = ByteSearch.find(10, in: text, from: line), feed - start <= ContentLimits.partHeadBytes
            else {
                throw ContentError("multipart part head without end or too long", at: start)
            }
            if feed == line || text[feed - 1] != 13 { throw ContentError("bare line feed in multipart head", at: feed) }
            if feed == line + 1 {
                head.end = feed + 1
                if !head.hasName { throw ContentError("multipart part without a name", at: start) }
                return head
            }
            let content = text.extracting(line..<(feed - 1))
            if ByteSearch.hasPrefixIgnoringCase(content, "content-disposition:".utf8.span) {
                if head.hasName { throw ContentError("two dispositions in a multipart part", at: line) }
                if let name = parameter("name", of: content) {
                    head.hasName = true
                    head.name = ByteRange(line + Int(name.start), line + Int(name.end))
                }
                head.fileName = parameter("filename", of: content).map {
                    ByteRange(line + Int($0.start), line + Int($0.end))
                }
            }
            line = feed + 1
        }
    }

    /// The offset behind CRLF "--" boundary; at the very start the CRLF may be missing.
    private static func findDelimiter(_ text: Span<UInt8>, _ boundary: Span<UInt8>, from: Int, atStart: Bool) -> Int? {
        var index = max(0, from - 2)
        while index + 2 + boundary.count <= text.count {
            if text[index] == 45 && text[index + 1] == 45
                && (atStart && index == 0 || index >= 2 && text[index - 1] == 10 && text[index - 2] == 13)
                && ByteSearch.equals(text.extracting((index + 2)..<(index + 2 + boundary.count)), boundary)
            {
                return index + 2 + boundary.count
            }
            index += 1
        }
        return nil
    }

    /// The value of `; name=value` or `; name="value"`, without the quotes. Parameter names compare without case.
    static func parameter(_ name: StaticString, of header: Span<UInt8>) -> ByteRange? {
        var index = 0
        var inQuotes = false
        while index < header.count {
            if header[index] == 34 { inQuotes.toggle() }
            if header[index] == UInt8(ascii: "\\") && inQuotes { index += 1 }
            if index < header.count && header[index] == UInt8(ascii: ";") && !inQuotes,
                let range = match(name, header, at: index + 1)
            {
                return range
            }
            index += 1
        }
        return nil
    }

    private static func match(_ name: StaticString, _ header: Span<UInt8>, at start: Int) -> ByteRange? {
        var index = start
        while index < header.count && (header[index] == 32 || header[index] == 9) { index += 1 }
        var matched = 0
        while matched < name.utf8CodeUnitCount {
            if index >= header.count { return nil }
            if ByteSearch.lowercased(header[index]) != (unsafe name.utf8Start[matched]) { return nil }
            matched += 1
            index += 1
        }
        if index >= header.count || header[index] != UInt8(ascii: "=") { return nil }
        index += 1
        if index < header.count && header[index] == 34 {
            let begin = index + 1
            var end = begin
            while end < header.count && header[end] != 34 { end += header[end] == UInt8(ascii: "\\") ? 2 : 1 }
            return end < header.count ? ByteRange(begin, end) : nil
        }
        let begin = index
        while index < header.count && header[index] != UInt8(ascii: ";") { index += 1 }
        return ByteSearch.trim(header, ByteRange(begin, index))
    }
}
