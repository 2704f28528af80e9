// SPDX-License-Identifier: Apache-2.0
import Testing
import Wire

@testable import Logins

struct SortedTextsTests {
    private func texts(_ names: [String], isUnique: Bool) -> SortedTexts {
        var texts = SortedTexts()
        for (index, name) in names.enumerated() {
            texts.add(Array(name.utf8).span, Array("\(index)".utf8).span, isUnique: isUnique)
        }
        return texts
    }

    private func joined(_ texts: SortedTexts, escapingCommas: Bool = true) -> String {
        var out: [UInt8] = []
        texts.join(escapingCommas: escapingCommas, into: &out)
        return String(decoding: out, as: UTF8.self)
    }

    private func joinedValues(_ texts: SortedTexts) -> String {
        var out: [UInt8] = []
        texts.joinValues(into: &out)
        return String(decoding: out, as: UTF8.self)
    }

    @Test func `sorts bytewise in lower case and keeps equal names in their order`() {
        let texts = texts(["b", "A", "ab", "B", "", "a"], isUnique: false)
        #expect(joined(texts) == ",a,a,ab,b,b")
        #expect(joinedValues(texts) == "4,1,5,2,0,3")
    }

    @Test func `takes a name once when it must be unique`() {
        let texts = texts(["x", "a", "X", "a", "m"], isUnique: true)
        #expect(texts.count == 3)
        #expect(joined(texts, escapingCommas: false) == "a,m,x")
    }

    @Test func `escapes commas where two readers could differ`() {
        let texts = texts(["a,b", "c"], isUnique: false)
        #expect(joined(texts) == "a\\,b,c")
        #expect(joined(texts, escapingCommas: false) == "a,b,c")
    }

    @Test func `forgets everything when it is reset`() {
        var texts = texts(["b", "a"], isUnique: true)
        texts.reset()
        #expect(texts.count == 0)
        #expect(joined(texts) == "")
    }

    @Test func `is bounded`() {
        #expect(texts((0..<1_000).map { "name\($0)" }, isUnique: true).count == SortedTexts.limit)
    }
}
