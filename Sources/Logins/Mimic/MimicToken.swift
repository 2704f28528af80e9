// SPDX-License-Identifier: Apache-2.0
import Wire

/// A piece of an answer, as far as one sample tells what it is.
enum MimicToken: Hashable {
    /// How a name stands there.
    enum Form: Hashable {
        case plain, html, percent
    }

    /// A run of letters, digits and what tokens are made of.
    case word([UInt8])
    /// Everything else, byte by byte.
    case separator(UInt8)
    case name(Form)
    case requestID
    /// "Sun, 06 Nov 1994 08:49:37 GMT" and "1994-11-06T08:49:37", as seconds after the answer.
    case httpDate(Int64)
    case timestamp(Int64)

    /// Samples are alike when these are equal piece by piece.
    var kind: MimicToken {
        switch self {
        case .word: .word([])
        case .httpDate: .httpDate(0)
        case .timestamp: .timestamp(0)
        case .separator, .name, .requestID: self
        }
    }
}

/// Takes a text of an answer apart. A value.
struct MimicReader {
    private let names: [(form: MimicToken.Form, text: [UInt8])]
    private let requestID: [UInt8]
    private let unixSeconds: Int64

    /// A shorter name stands in every page by chance.
    static let leastName = 3

    init(name: [UInt8], requestID: [UInt8], unixSeconds: Int64) {
        var names: [(form: MimicToken.Form, text: [UInt8])] = []
        if name.count >= MimicReader.leastName {
            for form in [MimicToken.Form.percent, .html, .plain] {
                let text = MimicReader.write(name, as: form)
                if form == .plain || text != name { names.append((form, text)) }
            }
        }
        self.names = names
        self.requestID = requestID.count >= 8 ? requestID : []
        self.unixSeconds = unixSeconds
    }

    func read(_ text: [UInt8]) -> [MimicToken] {
        var tokens: [MimicToken] = []
        let span = text.span
        var index = 0
        var word = 0
        func endWord(at end: Int) { if end > word { tokens.append(.word(Array(text[word..<end]))) } }
        while index < text.count {
            let isStart = index == word || text[index - 1] == UInt8(ascii: "=")
            if let (token, count) = special(span, index, isStart: isStart) {
                endWord(at: index)
                tokens.append(token)
                index += count
                word = index
            } else if MimicReader.isWord(text[index]) {
                index += 1
            } else {
                endWord(at: index)
                tokens.append(.separator(text[index]))
                index += 1
                word = index
            }
        }
        endWord(at: index)
        return tokens
    }

    private func special(_ text: Span<UInt8>, _ index: Int, isStart: Bool) -> (MimicToken, Int)? {
        for name in names where MimicReader.stands(name.text, in: text, at: index) {
            return (.name(name.form), name.text.count)
        }
        if !requestID.isEmpty && MimicReader.stands(requestID, in: text, at: index) {
            return (.requestID, requestID.count)
        }
        if !isStart { return nil }
        if let time = MimicReader.httpDate(text, index) { return (.httpDate(time - unixSeconds), 29) }
        if let time = MimicReader.timestamp(text, index) { return (.timestamp(time - unixSeconds), 19) }
        return nil
    }

    private static func stands(_ word: [UInt8], in text: Span<UInt8>, at index: Int) -> Bool {
        if text[index] != word[0] || text.count - index < word.count { return false }
        return ByteSearch.equals(text.extracting(index..<(index + word.count)), word.span)
    }

    /// Tokens are of one piece: Base64 of both kinds, percent codes, paths.
    static func isWord(_ byte: UInt8) -> Bool {
        if ByteClass.isAlphanumeric(byte) || byte >= 128 { return true }
        switch byte {
        case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="),
            UInt8(ascii: "."), UInt8(ascii: "%"), UInt8(ascii: "~"):
            return true
        default: return false
        }
    }

    // MARK: Names

    static func write(_ name: [UInt8], as form: MimicToken.Form) -> [UInt8] {
        var out: [UInt8] = []
        for byte in name {
            switch form {
            case .plain: out.append(byte)
            case .html:
                switch byte {
                case UInt8(ascii: "&"): out += Array("&amp;".utf8)
                case UInt8(ascii: "<"): out += Array("&lt;".utf8)
                case UInt8(ascii: ">"): out += Array("&gt;".utf8)
                case UInt8(ascii: "\""): out += Array("&#34;".utf8)
                case UInt8(ascii: "'"): out += Array("&#39;".utf8)
                default: out.append(byte)
                }
            case .percent:
                if ByteClass.isAlphanumeric(byte) || "-._~".utf8.contains(byte) {
                    out.append(byte)
                } else {
                    let digits = Array("0123456789ABCDEF".utf8)
                    out += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
                }
            }
        }
        return out
    }

    // MARK: Dates

    private static let months = Array("JanFebMarAprMayJunJulAugSepOctNovDec".utf8)

    private static func httpDate(_ text: Span<UInt8>, _ index: Int) -> Int64? {
        if text.count - index < 29 || text[index + 3] != UInt8(ascii: ",") { return nil }
        let date = text.extracting(index..<(index + 29))
        guard ByteSearch.equals(date.extracting(25..<29), " GMT".utf8.span),
            let month = (0..<12).first(where: { number in
                (0..<3).allSatisfy { months[number * 3 + $0] == date[8 + $0] }
            })
        else { return nil }
        var written: [UInt8] = []
        written.append(date.extracting(12..<16))
        written += Array(month < 9 ? "-0\(month + 1)-".utf8 : "-\(month + 1)-".utf8)
        written.append(date.extracting(5..<7))
        written.append(UInt8(ascii: "T"))
        written.append(date.extracting(17..<25))
        written.append(UInt8(ascii: "Z"))
        return Timestamp.parse(written.span)
    }

    private static func timestamp(_ text: Span<UInt8>, _ index: Int) -> Int64? {
        if text.count - index < 19 || text[index + 4] != UInt8(ascii: "-") || text[index + 10] != UInt8(ascii: "T") {
            return nil
        }
        var written: [UInt8] = []
        written.append(text.extracting(index..<(index + 19)))
        written.append(UInt8(ascii: "Z"))
        return Timestamp.parse(written.span)
    }
}
