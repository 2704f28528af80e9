// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Logins

struct FailureTemplateTests {
    private let start: Int64 = 1_795_743_131

    private func sample(
        _ name: String, _ body: String, _ fields: [(String, String)] = [], id: String = "", at seconds: Int64 = 0
    ) -> FailureSample {
        FailureSample(
            status: 401, reason: Array("Unauthorized".utf8),
            fields: fields.map { (name: Array($0.0.utf8), value: Array($0.1.utf8)) }, isChunked: false,
            body: Array(body.utf8), name: Array(name.utf8), requestID: Array(id.utf8), unixSeconds: start + seconds)
    }

    private func render(_ template: FailureTemplate, name: String = "mallory", at seconds: Int64 = 100) -> (
        values: [String], body: String
    ) {
        var random = SystemRandomNumberGenerator()
        let copy = template.render(
            name: Array(name.utf8), requestID: Array("new-request-id".utf8), unixSeconds: start + seconds,
            random: &random)
        return (copy.values.map { String(decoding: $0, as: UTF8.self) }, String(decoding: copy.body, as: UTF8.self))
    }

    @Test func `what all samples say stays as it is`() throws {
        let samples = ["alice", "robert", "carol"].map {
            sample($0, #"{"error":"wrong","code":17}"#, [("A", "b=c; d")])
        }
        let template = try #require(FailureTemplate(samples))
        #expect(template.status == 401 && template.fieldNames == [Array("A".utf8)])
        let copy = render(template)
        #expect(copy.body == #"{"error":"wrong","code":17}"#)
        #expect(copy.values == ["b=c; d"])
    }

    @Test func `there must be three that are alike`() {
        #expect(FailureTemplate([]) == nil)
        #expect(FailureTemplate([sample("alice", "no"), sample("robert", "no")]) == nil)
        #expect(
            FailureTemplate(
                ["alice", "robert", "carol"].enumerated().map {
                    sample($0.element, String(repeating: "no ", count: $0.offset + 1))
                }) == nil)
        // The largest set that is alike is taken.
        let mixed = [sample("alice", "no"), sample("robert", "no, no"), sample("carol", "no"), sample("daisy", "no")]
        #expect(FailureTemplate(mixed) != nil)
    }

    @Test func `a word that differs is made anew in its manner, the same word twice the same`() throws {
        let tokens = ["3fa9c0d1e2b4a586", "90ab12cd34ef5678", "0011223344556677"]
        let samples = zip(["alice", "robert", "carol"], tokens).map {
            sample($0, "<i id=\($1)> \($1) ", [("Set-Cookie", "t=\($1); Path=/")])
        }
        let template = try #require(FailureTemplate(samples))
        let copy = render(template)
        let word = try #require(copy.body.wholeMatch(of: #/<i id=([0-9a-f]{16})> ([0-9a-f]{16}) /#))
        #expect(word.1 == word.2)
        #expect(copy.values == ["t=\(word.1); Path=/"])
        #expect(!tokens.contains(String(word.1)))
        #expect(render(template).body != copy.body)
    }

    @Test func `times go with the clock and dates that stand still do not`() throws {
        let samples = ["alice", "robert", "carol"].enumerated().map { place, name in
            let seconds = Int64(place * 7)
            return sample(
                name, "at \(start + seconds)!",
                [
                    (
                        "Date",
                        [
                            "Fri, 27 Nov 2026 01:32:11 GMT", "Fri, 27 Nov 2026 01:32:18 GMT",
                            "Fri, 27 Nov 2026 01:32:25 GMT",
                        ][place]
                    ),
                    ("Expires", "Thu, 01 Jan 1970 00:00:00 GMT"),
                    ("Last-Modified", "Mon, 23 Nov 2026 00:00:00 GMT"),
                ], at: seconds)
        }
        let template = try #require(FailureTemplate(samples))
        let copy = render(template, at: 60)
        #expect(copy.body == "at \(start + 60)!")
        #expect(
            copy.values == [
                "Fri, 27 Nov 2026 01:33:11 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "Mon, 23 Nov 2026 00:00:00 GMT",
            ])
    }

    @Test func `the name and the request's id are said again`() throws {
        let samples = [("alice", "id-0000000001"), ("b@x.org", "id-0000000002"), ("carol", "id-0000000003")].map {
            sample($0.0, "<p>\($0.0) \($0.1)</p>", [("Content-Type", "text/html"), ("X-Id", $0.1)], id: $0.1)
        }
        let template = try #require(FailureTemplate(samples))
        let copy = render(template, name: "<b>&'\"")
        #expect(copy.body == "<p>&lt;b&gt;&amp;&#39;&#34; new-request-id</p>")
        #expect(copy.values[1] == "new-request-id")
    }

    @Test func `a name in a field ends no line`() throws {
        let samples = ["alice", "robert", "carol"].map { sample($0, "", [("Location", "/login?user=\($0)")]) }
        let template = try #require(FailureTemplate(samples))
        #expect(render(template, name: "x\r\nSet-Cookie: a=b").values == ["/login?user=x%0D%0ASet-Cookie%3A%20a%3Db"])
    }
}
