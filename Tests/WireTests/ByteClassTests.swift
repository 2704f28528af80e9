// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct ByteClassTests {
    @Test func `knows the bytes of tokens, values and names`() {
        let letters = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
        let digits = Set("0123456789".utf8)
        let marks = Set("!#$%&'*+-.^_`|~".utf8)
        for byte in everyByte {
            #expect(ByteClass.isDigit(byte) == digits.contains(byte))
            #expect(ByteClass.isAlphanumeric(byte) == (letters.contains(byte) || digits.contains(byte)))
            #expect(
                ByteClass.isToken(byte) == (letters.contains(byte) || digits.contains(byte) || marks.contains(byte)))
            #expect(ByteClass.isFieldValue(byte) == (byte == 9 || byte >= 32 && byte != 127))
        }
    }
}
