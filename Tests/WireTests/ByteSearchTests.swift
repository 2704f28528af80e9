// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct ByteSearchTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func `compares all bytes at every length`() {
        for count in 0...40 {
            let left = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37) }
            #expect(ByteSearch.equals(left, left))
            #expect(!ByteSearch.equals(left, (left + [0])))
            for index in 0..<count {
                var right = left
                right[index] ^= 0x80
                #expect(!ByteSearch.equals(left, right), "\(index) of \(count)")
            }
        }
    }

    @Test func `finds the first byte at every offset`() {
        for count in 0...40 {
            for place in 0...count {
                var text = [UInt8](repeating: 0x2b, count: count)
                if place < count { text[place] = 0x2c }
                for start in 0...count {
                    let expected = place < count && start <= place ? place : nil
                    #expect(ByteSearch.find(0x2c, in: text.span, from: start) == expected)
                }
            }
        }
        #expect(ByteSearch.find(0, in: [1, 0, 0].span) == 1)
        #expect(ByteSearch.find(255, in: [254, 127, 255].span) == 2)
        #expect(ByteSearch.find(1, in: [1].span, from: 5) == nil)
    }

    @Test func `folds letters and nothing else`() {
        for left in everyByte {
            for right in everyByte {
                let expected = left == right || (left ^ right == 32 && (left | 32) >= 97 && (left | 32) <= 122)
                #expect(ByteSearch.equalsIgnoringCase([left], [right]) == expected, "\(left) \(right)")
            }
        }
        #expect(ByteSearch.hasPrefixIgnoringCase(bytes("HTTP://x"), bytes("http://")))
        #expect(!ByteSearch.hasPrefixIgnoringCase(bytes("HTTP"), bytes("http://")))
    }

    @Test(arguments: [
        ("close", true), ("Close", true), ("keep-alive, close", true), ("close,x", true), (" ,\tclose\t, ", true),
        ("closed", false),
        ("xclose", false), ("", false), (",", false), ("clo se", false), ("keep-alive;close", false),
        ("\"close\"", false),
    ])
    func `finds a token in a list`(_ list: String, _ expected: Bool) {
        #expect(ByteSearch.containsToken(bytes(list), bytes("close")) == expected)
    }

    @Test func `knows lists of tokens`() {
        for list in ["a", "a, b", " a ,\tb", "gzip,x-1"] {
            #expect(ByteSearch.isTokenList(bytes(list)), "\(list)")
        }
        for list in ["", ",", "a,", ",a", "a b", "a;q=1", "\"a\"", "a,,b"] {
            #expect(!ByteSearch.isTokenList(bytes(list)), "\(list)")
        }
    }

    @Test func `trims blanks and nothing else`() {
        let text = bytes("x \t a \u{b}\t y")
        #expect(ByteSearch.trim(text.span, ByteRange(1, 9)) == ByteRange(4, 7))
        #expect(ByteSearch.trim(text.span, ByteRange(1, 4)).isEmpty)
        #expect(ByteSearch.trim(text.span, ByteRange(0, 0)).isEmpty)
    }

    @Test func `reads decimal numbers that fit`() {
        #expect(ByteSearch.decimal(bytes("0").span) == 0)
        #expect(ByteSearch.decimal(bytes("0012").span) == 12)
        #expect(ByteSearch.decimal(bytes("9999999999999999999").span) == 9_999_999_999_999_999_999)
        for text in ["", "-1", "+1", "1 ", "0x1", "99999999999999999999", "१"] {
            #expect(ByteSearch.decimal(bytes(text).span) == nil, "\(text)")
        }
    }

    @Test func `reads hexadecimal digits`() {
        for byte in everyByte {
            let expected = UInt8(String(Unicode.Scalar(byte)), radix: 16)
            #expect(ByteSearch.hexValue(byte) == (byte < 128 ? expected : nil))
        }
    }

    @Test func `knows names that become one variable`() {
        #expect(ByteSearch.namesSameVariable(bytes("X_Real-IP"), bytes("x-real.ip")))
        #expect(!ByteSearch.namesSameVariable(bytes("X-Real-I1"), bytes("X-Real-I2")))
        #expect(!ByteSearch.namesSameVariable(bytes("XRealIP"), bytes("X-Real-IP")))
    }
}
