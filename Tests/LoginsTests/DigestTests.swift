// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Logins

struct DigestTests {
    @Test func `SHA-256 has the standard's values`() {
        func head(_ text: String) -> UInt32 {
            let bytes = Array(text.utf8)
            return Digest.head(of: bytes.span)
        }
        #expect(head("") == 0xe3b0_c442 && head("abc") == 0xba78_16bf)
        #expect(head(String(repeating: "a", count: 1_000_000)) == 0xcdc7_6e5c)
    }
}
