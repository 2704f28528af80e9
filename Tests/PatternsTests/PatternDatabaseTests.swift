// SPDX-License-Identifier: Apache-2.0
import Testing
import Wire

@testable import Patterns

struct PatternDatabaseTests {
    /// A small generator that gives the same numbers in every run.
    private struct Dice: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 11 ^ state << 23
        }
    }

    private static let expressions = [
        "y", "y+", "=", "x*y+z?", "[a-z]+=\\d{3}", "^ab", "ab$", "^$", "a.c", "(?i)select\\s+.*from", "\\bon\\b",
        "[^a-z]", "(ab|cd)+e",
        "\\s", "\\S+x", "<[a-z]+[^>]*\\bon[a-z]+\\s*=", "\\.\\./", "a{3,5}", "[[:digit:]]{2}-", "(?:foo|bar)baz?$",
        "\\d+\\.\\d+",
        "[\\s]y", "\\w+@\\w+", "x?", "(?i)K", "\\x41", "a|b|^c",
    ]

    private func matches(_ database: PatternDatabase, _ text: [UInt8]) -> Set<UInt32> {
        let scratch = PatternScratch()
        database.prepare(scratch)
        database.scan(text.span, scratch: scratch)
        return Set(scratch.matched)
    }

    @Test func `Vectorscan and RE2 give the same answers`() throws {
        let sources = Self.expressions.flatMap { expression in
            [false, true].map { PatternDatabase.Source(expression: expression, caseInsensitive: $0) }
        }
        let fast = try PatternDatabase(sources)
        let slow = try PatternDatabase(sources, usesVectorscan: false)
        #expect(fast.fastCount > sources.count * 3 / 4)
        var dice = Dice(state: 20_261_124)
        let alphabet = Array("aabbccxxyyzzABSELECT from on=123.-/<>@ \t\n\r\u{0b}$^".utf8) + [0, 0xe9, 0xff]
        let scratch = PatternScratch()
        fast.prepare(scratch)
        let other = PatternScratch()
        slow.prepare(other)
        for round in 0..<3_000 {
            let length = round % 3 == 0 ? Int.random(in: 0..<16, using: &dice) : Int.random(in: 0..<300, using: &dice)
            var text = (0..<length).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &dice)] }
            // Long runs of one byte put the interesting one behind every boundary of the vector code.
            if round % 2 == 0 && length > 0 {
                let keep = Int.random(in: 0..<length, using: &dice)
                for index in text.indices where index != keep { text[index] = UInt8(ascii: "q") }
            }
            fast.scan(text.span, scratch: scratch)
            slow.scan(text.span, scratch: other)
            #expect(Set(scratch.matched) == Set(other.matched), "\(String(decoding: text, as: UTF8.self))")
        }
    }

    @Test(arguments: 0..<256) func `a single byte is found wherever it stands`(place: Int) throws {
        let database = try PatternDatabase([
            .init(expression: "y", caseInsensitive: false), .init(expression: "[a-z]+=\\d{3}", caseInsensitive: false),
        ])
        var text = [UInt8](repeating: UInt8(ascii: "-"), count: 300)
        text[place] = UInt8(ascii: "y")
        for (offset, byte) in "=123".utf8.enumerated() { text[place + 1 + offset] = byte }
        #expect(matches(database, text) == [0, 1])
    }

    @Test func `an empty text is looked at`() throws {
        let database = try PatternDatabase([
            .init(expression: "^$", caseInsensitive: false), .init(expression: "a", caseInsensitive: false),
        ])
        #expect(matches(database, []) == [0])
    }

    @Test func `a bad expression is named by its number`() {
        #expect {
            try PatternDatabase([
                .init(expression: "a", caseInsensitive: false), .init(expression: "(b", caseInsensitive: false),
            ])
        } throws: { error in (error as? PatternError)?.index == 1 }
    }

    @Test func `look-around and back-references are refused`() {
        for expression in ["(?=a)b", "(a)\\1"] {
            #expect(throws: PatternError.self) { try Pattern(expression, caseInsensitive: false) }
        }
    }

    @Test func `what is remembered is what a scan would find, for texts that hardly differ and for every database`()
        throws
    {
        let sources = Self.expressions.map { PatternDatabase.Source(expression: $0, caseInsensitive: false) }
        let databases = [
            try PatternDatabase(sources), try PatternDatabase(Array(sources.prefix(3))),
            try PatternDatabase([.init(expression: "never", caseInsensitive: false)]),
        ]
        let remembering = PatternScratch()
        for database in databases { database.prepare(remembering) }
        var dice = Dice(state: 7)
        var texts = (0..<40).map { number in Array("Mozilla/5.0 (X11; on=12\(number % 10)) x*y+z a.c".utf8) }
        texts += [[], Array("y".utf8), [UInt8](repeating: 97, count: 256), [UInt8](repeating: 97, count: 257)]
        for _ in 0..<6_000 {
            var text = texts[Int.random(in: 0..<texts.count, using: &dice)]
            if !text.isEmpty && Bool.random(using: &dice) {
                text[Int.random(in: 0..<text.count, using: &dice)] = UInt8.random(in: 32..<127, using: &dice)
            }
            let database = databases[Int.random(in: 0..<3, using: &dice)]
            database.scan(text.span, scratch: remembering, remembers: true)
            #expect(Set(remembering.matched) == matches(database, text))
        }
    }

    @Test func `a new policy begins with nothing remembered`() throws {
        let scratch = PatternScratch()
        for round in 0..<50 {
            // The next database may come to stand where this one stood.
            let word = round % 2 == 0 ? "curl" : "wget"
            let database = try PatternDatabase([.init(expression: word, caseInsensitive: false)])
            database.prepare(scratch)
            for _ in 0..<2 {
                database.scan(Array("curl/8".utf8).span, scratch: scratch, remembers: true)
                #expect(scratch.matched.count == (round % 2 == 0 ? 1 : 0))
            }
        }
    }
}
