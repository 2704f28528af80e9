// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Shipping

@Suite struct BulkAnswerTests {
    private func items(_ text: String, _ count: Int) -> [BulkAnswer.Item]? {
        BulkAnswer.items(of: Array(text.utf8), count: count)
    }

    @Test func `reads what became of each document`() {
        let answer = """
            {"took": 3, "x": {"items": [1]}, "errors": true, "items" : [ {"create":{"_id":"a}]","status":201}},
            {"create":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"full \\"]}"}}} ]}
            """
        #expect(
            items(answer, 2) == [
                .init(status: 201, reason: ""), .init(status: 429, reason: "es_rejected_execution_exception"),
            ])
        #expect(items(answer, 1) == nil)
        #expect(items(answer, 3) == nil)
        #expect(items("{\"items\":[]}", 0) == [])
    }

    @Test(
        arguments: [
            "", "{", "[]", "null", "{\"items\":1}", "{\"items\":", "{\"items\":[", "{\"items\":[{}]}",
            "{\"items\":[1]}",
            "{\"items\":[{\"create\":{\"status\":\"x\"}}]}", "{\"items\":[{\"create\":{\"status\":201}}",
            "\"items\":[{}]",
            "{\"items", "{\"a\\", String(repeating: "[", count: 10_000),
            String(repeating: "{\"items\":[", count: 1_000),
        ])
    func `an answer that is none is not taken for one`(text: String) {
        #expect(items(text, 1) == nil)
    }

    @Test func `finds the event that Splunk could not read`() {
        func invalid(_ text: String) -> Int? { BulkAnswer.invalidEvent(in: Array(text.utf8)) }
        #expect(invalid(#"{"text":"Invalid data format","code":6,"invalid-event-number":7}"#) == 7)
        #expect(invalid(#"{"text":"Invalid token","code":4}"#) == nil)
        #expect(invalid("<html>") == nil)
    }
}
