// SPDX-License-Identifier: Apache-2.0
import Wire

/// Makes the watched part of an answer's body readable: undoes its coding, takes JSON apart. What cannot be read leaves the outcome to the
/// other tests, and is counted.
enum ResponseReading {
    static func read(_ exchange: Exchange, _ worker: Worker) {
        let answerBytes = exchange.responseSpan
        if exchange.observedBody.isEmpty { return }
        if exchange.response.contains(.contentEncoding) && !decode(exchange, worker) {
            worker.counters.uninspectedBodies += 1
            exchange.observedBody.removeAll(keepingCapacity: true)
            return
        }
        if exchange.observedIsIncomplete { worker.counters.uninspectedBodies += 1 }
        guard let index = exchange.response.first(.contentType),
            MediaType.isJSON(answerBytes.slice(exchange.response.fields[index].value))
        else { return }
        let body = exchange.observedBody
        do throws(ContentError) {
            try JSONReader.read(body.span, into: &exchange.responseValues)
        } catch {
            exchange.responseValues.reset()
        }
    }

    private static func decode(_ exchange: Exchange, _ worker: Worker) -> Bool {
        let answerBytes = exchange.responseSpan
        var coding: ContentCoding?
        for index in exchange.response.fields.indices where exchange.response.fields[index].known == .contentEncoding {
            let value = exchange.response.fields[index].value
            if BodyInspection.isIdentity(answerBytes.slice(value)) { continue }
            guard coding == nil, let known = ContentCoding(answerBytes.slice(value)) else { return false }
            coding = known
        }
        guard let coding else { return true }
        let body = exchange.observedBody
        exchange.decodedBody.removeAll(keepingCapacity: true)
        do throws(ContentError) {
            let whole = try worker.inflater.inflate(
                body.span, encoding: coding, limit: exchange.policy.limits.inspectedBytes, into: &exchange.decodedBody)
            if !whole { exchange.observedIsIncomplete = true }
        } catch {
            // A part that was cut at the limit ends early; what came out of it still counts.
            if !exchange.observedIsIncomplete || exchange.decodedBody.isEmpty { return false }
        }
        swap(&exchange.observedBody, &exchange.decodedBody)
        return true
    }
}
