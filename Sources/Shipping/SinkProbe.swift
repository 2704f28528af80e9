// SPDX-License-Identifier: Apache-2.0
import Wire

/// Sends one marked event to a collector, past the spool, and says what came of it. Stateless; it blocks.
package enum SinkProbe {
    /// A value.
    package struct Result: Sendable {
        package var isTaken: Bool
        /// "delivered", or why not.
        package var outcome: String
        /// Of an HTTP receiver: its status, 0 when there was no answer.
        package var status = 0
        /// And what it said, 4 KiB of it at most.
        package var answer: [UInt8] = []
    }

    private static let answerMaximum = 4_096

    package static func send(to description: SinkDescription) -> Result {
        let host = Host.name()
        let target = Target(description, host: host)
        var result = Result(isTaken: false, outcome: "")
        let now = Host.unixNanoseconds()
        let delivery = target.attempt([event(unixNanoseconds: now, host: host)]) { answer in
            result.status = answer.status
            result.answer = Array(answer.body.prefix(answerMaximum))
        }
        switch delivery {
        case .delivered(let rejected):
            result.isTaken = rejected == 0
            result.outcome = rejected == 0 ? "delivered" : "rejected"
        case .passedOver: result.outcome = "passed over: it is nothing for this collector"
        case .retry(_, let reason): result.outcome = "not now: \(reason)"
        case .refused(let reason, _): result.outcome = "refused: \(reason)"
        case .partly(_, let refused, _, let reason):
            result.outcome = refused.first.map { "refused: \($0.reason)" } ?? "not now: \(reason)"
        }
        return result
    }

    /// A native event that nobody takes for a login: it is named and tagged as a test.
    static func event(unixNanoseconds: UInt64, host: String) -> [UInt8] {
        var random = SystemRandomNumberGenerator()
        var generator = ULID.Generator(seed: (random.next(), random.next()))
        var id: [UInt8] = []
        generator.next(unixMilliseconds: unixNanoseconds / 1_000_000, to: &id)
        var time: [UInt8] = []
        Timestamp.write(unixNanoseconds: Int64(clamping: unixNanoseconds), to: &time)
        var json = JSONWriter()
        json.beginObject()
        json.field("id", id)
        json.field("time", time)
        json.field("event", "loginward.test")
        json.field("service", "loginward")
        json.open("tags")
        json.field("test", "true")
        json.field("host", host)
        json.endObject()
        json.endObject()
        return json.bytes
    }
}
