// SPDX-License-Identifier: Apache-2.0
import Testing
import Wire

@testable import Rules

struct ListOverlayTests {
    private func entry(_ text: String) throws -> ListEntry {
        try #require(try DenylistReader.readLine(text.utf8.span))
    }

    private func reason(_ overlay: borrowing ListOverlay, _ address: String, now: Int64 = 0) throws -> String? {
        guard let hit = overlay.find(address: try #require(IPAddress(address)), now: now) else { return nil }
        var bytes: [UInt8] = []
        overlay.appendReason(of: hit, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func `the longest live network is found, also after changes`() throws {
        var overlay = ListOverlay(seed: 3)
        overlay.set(try entry("203.0.113.0/24 - wide"))
        overlay.set(try entry("203.0.113.7 1970-01-01T00:01:40Z narrow"))
        overlay.set(try entry("2001:db8::/32 - six"))
        #expect(try reason(overlay, "203.0.113.7", now: 99) == "narrow")
        #expect(try reason(overlay, "203.0.113.7", now: 100) == "wide")
        #expect(try reason(overlay, "203.0.114.7") == nil)
        #expect(try reason(overlay, "2001:db8::1") == "six")
        overlay.set(try entry("203.0.113.7 - again"))
        #expect(try reason(overlay, "203.0.113.7", now: 100) == "again")
        let count = overlay.count
        #expect(count == 3)
        let wide = try entry("203.0.113.0/24").subject
        #expect(overlay.remove(wide) && !overlay.remove(wide))
        #expect(try reason(overlay, "203.0.113.8") == nil)
    }

    @Test func `rows are used again and texts keep apart`() throws {
        var overlay = ListOverlay(seed: 5)
        for round in 0..<50 {
            for number in 0..<40 { overlay.set(try entry("usr.login=user\(number) - \(round)")) }
            overlay.set(try entry("usr.id=user1"))
            for number in 0..<40 where number % 2 == round % 2 {
                #expect(overlay.remove(try entry("usr.login=user\(number)").subject))
            }
            for number in 0..<40 {
                let name = "user\(number)"
                #expect((overlay.find(.login, name.utf8.span, now: 0) != nil) == (number % 2 != round % 2))
                #expect((overlay.find(.userID, name.utf8.span, now: 0) != nil) == (number == 1))
            }
        }
        let (count, hasLogin, hasSession) = (overlay.count, overlay.has(.login), overlay.has(.session))
        #expect(count == 21 && hasLogin && !hasSession)
        overlay.set(try entry("fingerprint=http-post-1"))
        let needed = overlay.needsRequestBody
        #expect(needed)
        overlay.remove(try entry("fingerprint=http-post-1").subject)
        let stillNeeded = overlay.needsRequestBody
        #expect(!stillNeeded)
    }

    @Test(arguments: [
        "203.0.113.0/24 2030-01-01T00:00:00Z mode=monitored since=2026-01-01T00:00:00Z source=soc why not",
        "2001:db8::7 - x", "usr.login=\"a b\" -", "asn=64500 -", "country=DE - sanction",
    ]) func `a record gives back what was written, and nothing else does`(line: String) throws {
        let entry = try entry(line)
        for change in [ListChange.set(.deny, entry), .set(.allow, entry), .remove(.allow, entry.subject)] {
            let bytes = ListRecord.write(change)
            #expect(ListRecord.read(bytes.span) == change)
            for cut in 0..<bytes.count { #expect(ListRecord.read(bytes.span.extracting(0..<cut)) == nil) }
            let longer = bytes + [0]
            #expect(ListRecord.read(longer.span) == nil)
        }
    }
}
