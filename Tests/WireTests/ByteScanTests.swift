// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

/// The scans by words against what they mean, byte by byte.
@Suite struct ByteScanTests {
    /// Each byte value at each offset of texts of many lengths, with a fill that tempts a borrow to run over.
    private func compare(
        _ scan: (Span<UInt8>, Int) -> Int, _ stops: (UInt8) -> Bool, fills: [UInt8], _ name: Comment
    ) {
        for fill in fills {
            for count in 0...35 {
                for byte in everyByte {
                    let place = Int(byte) % max(count, 1)
                    var text = [UInt8](repeating: fill, count: count)
                    if count > 0 { text[place] = byte }
                    if count > place + 1 { text[place + 1] = byte &+ 1 }
                    for start in [0, 1, 7, 8] where start <= count {
                        let expected = (start..<count).first { stops(text[$0]) } ?? count
                        if scan(text.span, start) != expected {
                            Issue.record("byte \(byte) at \(place) of \(count) from \(start), fill \(fill)")
                        }
                    }
                }
            }
        }
    }

    @Test func `ends names`() {
        compare(
            { ByteScan.endOfName($0, from: $1) }, { $0 <= 32 || $0 == 58 }, fills: [33, 59, 97, 127, 128, 255], "names")
    }

    @Test func `ends values`() {
        compare(
            { ByteScan.endOfValue($0, from: $1) }, { !ByteClass.isFieldValue($0) }, fills: [9, 32, 126, 128, 255],
            "values")
    }

    @Test func `ends the parts of a target`() {
        compare(
            { ByteScan.endOfTargetPart($0, from: $1) }, { $0 <= 32 || $0 >= 127 || $0 == 35 || $0 == 63 },
            fills: [33, 34, 36, 62, 64, 126], "targets")
    }

    @Test func `finds bytes`() {
        for byte in [UInt8(0), 10, 127, 128, 255] {
            compare(
                { ByteScan.find(byte, $0, from: $1) }, { $0 == byte }, fills: [byte &+ 1, byte &- 1, byte ^ 0x80],
                "byte")
        }
    }

    @Test func `compares with fixed texts`() {
        let texts: [StaticString] = [
            "", "x", "http://", "location", "x-real-ip", "transfer-encoding", "proxy-authorization",
        ]
        for text in texts {
            let same = Array("\(text)".utf8)
            #expect(ByteScan.equals(same, text) && ByteScan.equalsFolding(same, text))
            #expect(ByteScan.equalsFolding(Array("\(text)".uppercased().utf8), text))
            #expect(!ByteScan.equals((same + [0]), text))
            for index in same.indices {
                for byte in everyByte where byte != same[index] {
                    var other = same
                    other[index] = byte
                    #expect(!ByteScan.equals(other, text))
                    #expect(ByteScan.equalsFolding(other, text) == (ByteSearch.lowercased(byte) == same[index]))
                }
            }
        }
    }
}
