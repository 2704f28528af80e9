// SPDX-License-Identifier: Apache-2.0
import Wire

/// A word of which each answer has another: how to make one more of its kind. Immutable.
struct VolatileWord: Sendable {
    private enum Kind: Sendable {
        /// One of the words that were seen: short ones, such as a count.
        case seen([[UInt8]])
        /// Seconds or milliseconds since 1970.
        case seconds(offset: Int64)
        case milliseconds(offset: Int64)
        /// A byte where all samples had the same, 0 elsewhere: of one of these lengths, out of these bytes.
        case random(lengths: [Int], alphabet: [UInt8], fixed: [UInt8])
    }

    /// Words up to this length are told as they were seen: nobody is known by them.
    private static let shortest = 3

    private let kind: Kind

    /// `words` are one for each sample; `times` when it was taken, in Unix seconds.
    init(_ words: [[UInt8]], times: [Int64]) {
        let lengths = words.map(\.count)
        if let offset = VolatileWord.offset(words, times, digits: 10, scale: 1) {
            kind = .seconds(offset: offset)
        } else if let offset = VolatileWord.offset(words, times, digits: 13, scale: 1_000) {
            kind = .milliseconds(offset: offset)
        } else if (lengths.max() ?? 0) <= VolatileWord.shortest {
            kind = .seen(words)
        } else {
            var fixed: [UInt8] = []
            if Set(lengths).count == 1 {
                fixed = words[0].indices.map { place in
                    words.allSatisfy { $0[place] == words[0][place] } ? words[0][place] : 0
                }
            }
            kind = .random(lengths: lengths, alphabet: VolatileWord.alphabet(words, fixed), fixed: fixed)
        }
    }

    /// How far the numbers are from the times of their samples, when that is always the same.
    private static func offset(_ words: [[UInt8]], _ times: [Int64], digits: Int, scale: Int64) -> Int64? {
        var offsets: [Int64] = []
        for (word, time) in zip(words, times) {
            guard word.count == digits, let number = ByteSearch.decimal(word.span) else { return nil }
            offsets.append(Int64(number) - time * scale)
        }
        guard let least = offsets.min(), let most = offsets.max(), most - least <= 3 * scale else { return nil }
        return least
    }

    /// The bytes that such words are made of: the usual alphabets, as far as they were used.
    private static func alphabet(_ words: [[UInt8]], _ fixed: [UInt8]) -> [UInt8] {
        var used = Set<UInt8>()
        for word in words {
            for (place, byte) in word.enumerated() where place >= fixed.count || fixed[place] == 0 { used.insert(byte) }
        }
        let digits = Array("0123456789".utf8)
        let choices = [
            digits, digits + Array("abcdef".utf8), digits + Array("ABCDEF".utf8),
            Array("abcdefghijklmnopqrstuvwxyz".utf8),
            digits + Array("abcdefghijklmnopqrstuvwxyz".utf8), digits + Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8),
        ]
        for choice in choices where used.isSubset(of: choice) { return choice }
        let all = digits + Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
        // A percent code or a character of several bytes is not to be taken apart.
        return all
            + used.subtracting(all).filter { $0 < 128 && $0 != UInt8(ascii: "%") && $0 != UInt8(ascii: "=") }.sorted()
    }

    func make(unixSeconds: Int64, random: inout some RandomNumberGenerator) -> [UInt8] {
        switch kind {
        case .seen(let words): return words.randomElement(using: &random) ?? []
        case .seconds(let offset): return Array(String(unixSeconds + offset).utf8)
        case .milliseconds(let offset):
            return Array(String(unixSeconds * 1_000 + offset + Int64.random(in: 0..<1_000, using: &random)).utf8)
        case .random(let lengths, let alphabet, let fixed):
            let length = lengths.randomElement(using: &random) ?? 0
            return (0..<length).map { place in
                if place < fixed.count && fixed[place] != 0 { return fixed[place] }
                return alphabet.randomElement(using: &random) ?? UInt8(ascii: "0")
            }
        }
    }
}

/// Makes pieces of tokens that stand at the same places of several samples. One use.
struct MimicBuilder {
    private let times: [Int64]
    private(set) var words: [VolatileWord] = []
    private var known: [[[UInt8]]: Int] = [:]

    init(times: [Int64]) { self.times = times }

    /// `samples` are alike: the same kinds at the same places.
    mutating func pieces(_ samples: [[MimicToken]]) -> [MimicPiece] {
        var pieces: [MimicPiece] = []
        var text: [UInt8] = []
        func flush() {
            if !text.isEmpty { pieces.append(.text(text)) }
            text = []
        }
        for place in samples[0].indices {
            switch samples[0][place] {
            case .separator(let byte): text.append(byte)
            case .word:
                let all = samples.map { sample -> [UInt8] in
                    if case .word(let word) = sample[place] { word } else { [] }
                }
                let (head, tail) = MimicBuilder.common(all)
                text += all[0].prefix(head)
                if head < all[0].count || Set(all).count > 1 {
                    let middles = all.map { Array($0[head..<($0.count - tail)]) }
                    if Set(middles).count > 1 {
                        flush()
                        pieces.append(.token(word(middles)))
                    }
                    text += all[0].suffix(tail)
                }
            case .name(let form):
                flush()
                pieces.append(.name(form))
            case .requestID:
                flush()
                pieces.append(.requestID)
            case .httpDate(let offset):
                if let fixed = fixedTime(samples, place) {
                    HTTPDate.write(unixSeconds: fixed, to: &text)
                } else {
                    flush()
                    pieces.append(.httpDate(offset))
                }
            case .timestamp(let offset):
                if let fixed = fixedTime(samples, place) {
                    text += MimicBuilder.timestamp(fixed)
                } else {
                    flush()
                    pieces.append(.timestamp(offset))
                }
            }
        }
        flush()
        return pieces
    }

    static func timestamp(_ unixSeconds: Int64) -> [UInt8] {
        var text: [UInt8] = []
        Timestamp.write(unixNanoseconds: unixSeconds * 1_000_000_000, to: &text)
        return Array(text.prefix(19))
    }

    /// The time that all samples name, when it is not one that goes with the clock.
    private func fixedTime(_ samples: [[MimicToken]], _ place: Int) -> Int64? {
        let offsets = samples.map { sample -> Int64 in
            switch sample[place] {
            case .httpDate(let offset), .timestamp(let offset): offset
            default: 0
            }
        }
        let times = zip(offsets, times).map { $0 + $1 }
        if Set(times).count > 1 { return nil }
        // Samples of one second do not tell; what is ten years away does not go with the clock.
        let isFar = abs(offsets[0]) > 10 * 365 * 86_400
        return Set(offsets).count > 1 || isFar ? times[0] : nil
    }

    /// Bytes that all words begin and end with; for equal words all of them is the beginning.
    private static func common(_ words: [[UInt8]]) -> (head: Int, tail: Int) {
        let shortest = words.map(\.count).min() ?? 0
        var head = 0
        while head < shortest && words.allSatisfy({ $0[head] == words[0][head] }) { head += 1 }
        var tail = 0
        while tail < shortest - head
            && words.allSatisfy({ $0[$0.count - 1 - tail] == words[0][words[0].count - 1 - tail] })
        {
            tail += 1
        }
        // A number is made anew as a whole.
        while head > 0 && head < words[0].count && ByteClass.isDigit(words[0][head - 1]) { head -= 1 }
        while tail > 0 && ByteClass.isDigit(words[0][words[0].count - tail]) { tail -= 1 }
        return (head, tail)
    }

    /// The same differences at two places are one word.
    private mutating func word(_ middles: [[UInt8]]) -> Int {
        if let index = known[middles] { return index }
        words.append(VolatileWord(middles, times: times))
        known[middles] = words.count - 1
        return words.count - 1
    }
}
