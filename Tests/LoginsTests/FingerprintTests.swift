// SPDX-License-Identifier: Apache-2.0
import Testing
import Wire

@testable import Logins

struct FingerprintTests {
    private func hash(_ text: String) -> String {
        var out: [UInt8] = []
        Fingerprint.appendHash(Array(text.utf8).span, to: &out)
        return String(decoding: out, as: UTF8.self)
    }

    @Test func `parts have the published values`() {
        #expect(hash("Random") == "a441b15f")
        #expect(hash("admin") == "8c6976e5")
        #expect(hash("ansd0182u2n") == "269500d3")
    }

    @Test func `the endpoint print has the published value`() throws {
        let text = "PUT /path/to/resource/?key= HTTP/1.1\r\nHost: a\r\n\r\n"
        let bytes = Array(text.utf8)
        var head = RequestHead()
        var progress = HeadProgress()
        #expect(try HeadParser.parseRequest(bytes.span, limits: HeadLimits(), progress: &progress, into: &head))
        var query = NamedValues()
        FormReader.read(Array("key=".utf8).span, into: &query)
        var out: [UInt8] = []
        var names = SortedTexts()
        _ = Fingerprint.appendHTTP(head, bytes.span, query: query, body: query, names: &names, to: &out)
        #expect(String(decoding: out, as: UTF8.self) == "http-put-729d56c3-2c70e12b-2c70e12b")
    }
}
