// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct FieldNameTests {
    private static let named = FieldName.allCases.filter { $0.text.utf8CodeUnitCount > 0 }

    @Test func `recognises every name in any case`() {
        #expect(Self.named.count == FieldName.allCases.count - 2)
        for known in Self.named {
            let text = "\(known.text)"
            let mixed = String(
                text.enumerated().map { $0.offset % 2 == 0 ? Character($0.element.uppercased()) : $0.element })
            for spelling in [text, text.uppercased(), mixed] {
                #expect(FieldName.recognise(Array(spelling.utf8).span) == known, "\(spelling)")
            }
        }
    }

    @Test func `recognises nothing that differs in one byte`() {
        for known in Self.named {
            let text = Array("\(known.text)".utf8)
            for index in text.indices {
                for byte in everyByte where ByteSearch.lowercased(byte) != text[index] {
                    var name = text
                    name[index] = byte
                    let found = FieldName.recognise(name.span)
                    #expect(found == .other, "\(name)")
                }
            }
            #expect(FieldName.recognise(text.span.extracting(0..<(text.count - 1))) != known)
            #expect(FieldName.recognise((text + [120]).span) != known)
        }
    }

    @Test func `fits its bits into one word`() {
        for known in FieldName.allCases { #expect(known.rawValue < 64) }
    }

    @Test func `lets no field into a trailer that says where a message goes or ends`() {
        for known in [
            FieldName.host, .contentLength, .transferEncoding, .connection, .te, .trailer, .upgrade, .expect,
            .authorization,
            .cookie, .setCookie, .contentType, .contentEncoding, .forwarded, .xForwardedFor, .xRealIP, .lookalike,
        ] {
            #expect(!known.mayBeTrailer)
        }
        #expect(FieldName.other.mayBeTrailer)
    }
}
