// SPDX-License-Identifier: Apache-2.0
import Testing
import Wire

@testable import Proxy

struct BodyFlowTests {
    /// Feeds `text` in pieces of `step` bytes; returns the data and whether it ended, and what was left over.
    private func run(_ framing: BodyFraming, _ text: String, step: Int) throws -> (data: String, ended: Bool, rest: Int)
    {
        var flow = BodyFlow()
        flow.start(framing)
        var data: [UInt8] = []
        var buffer: [UInt8] = []
        var fed = 0
        let all = Array(text.utf8)
        while !flow.hasEnded {
            switch try flow.next(buffer.span, limits: HeadLimits()) {
            case .data(let range):
                data += buffer[range.bounds]
                buffer.removeFirst(Int(range.end))
            case .end(let consumed): buffer.removeFirst(consumed)
            case .needMore(let consumed):
                buffer.removeFirst(consumed)
                if consumed > 0 { continue }
                if fed == all.count { return (String(decoding: data, as: UTF8.self), false, buffer.count) }
                let end = min(fed + step, all.count)
                buffer += all[fed..<end]
                fed = end
            }
        }
        return (String(decoding: data, as: UTF8.self), true, buffer.count + all.count - fed)
    }

    @Test(arguments: [1, 2, 3, 7, 100]) func `a counted body ends after its length`(step: Int) throws {
        let result = try run(.length(5), "helloNEXT", step: step)
        #expect(result.data == "hello" && result.ended && result.rest == 4)
    }

    @Test(arguments: [1, 2, 3, 7, 100]) func `a chunked body ends after its trailers`(step: Int) throws {
        let result = try run(.chunked, "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\nNEXT", step: step)
        #expect(result.data == "abc0123456789" && result.ended && result.rest == 4)
    }

    @Test func `a cut body is never complete`() throws {
        #expect(try run(.length(5), "hell", step: 9).ended == false)
        #expect(try run(.chunked, "3\r\nabc\r\n0\r\n", step: 9).ended == false)
        var flow = BodyFlow()
        flow.start(.chunked)
        #expect(flow.peerClosed() == false)
        flow.start(.length(1))
        #expect(flow.peerClosed() == false)
        flow.start(.untilClose)
        #expect(flow.peerClosed() == true)
    }
}
