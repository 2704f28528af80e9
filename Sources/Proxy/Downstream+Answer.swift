// SPDX-License-Identifier: Apache-2.0
import Rules
import Transport
import Wire

/// Answers of our own.
extension Downstream {
    func answer(status: Int, page: Page, location: [UInt8]?) {
        guard let exchange else { return }
        dropUpstream(exchange)
        exchange.status = status
        let keepsAlive = exchange.clientKeepsAlive && exchange.requestFlow.hasEnded && !isLeaving
        if exchange.requestID.isEmpty { worker.appendIdentifier(to: &exchange.requestID) }
        worker.page.removeAll(keepingCapacity: true)
        worker.line.removeAll(keepingCapacity: true)
        let contentType = fill(page, status: status, exchange)
        if let location {
            worker.line.append("Location: ")
            let id = exchange.requestID
            AnswerTemplate.render(location.span, id: id.span, values(exchange), into: &worker.line)
            worker.line.append("\r\n")
        }
        if status == 429 && exchange.retryAfter > 0 {
            worker.line.append("Retry-After: ")
            worker.line.append(decimal: values(exchange).retryAfter)
            worker.line.append("\r\n")
        }
        worker.lend(&output)
        let before = output.count
        let (body, extra, date) = (worker.page, worker.line, worker.date)
        let (id, header) = (exchange.requestID, exchange.policy.requestID.header)
        Answering.writeOwn(
            status: status, contentType: contentType.span, body: body.span, extra: extra.span, requestID: id.span,
            requestIDHeader: header.span, isHead: exchange.request.method == .head, keepsAlive: keepsAlive,
            isHTTP10: exchange.request.version == .http10, date: date.span, into: &output)
        exchange.bytesOut += UInt64(output.count - before)
        finish(keepsAlive: keepsAlive)
    }

    private func values(_ exchange: Exchange) -> AnswerTemplate.Values {
        AnswerTemplate.Values(
            status: exchange.status, client: exchange.client,
            retryAfter: (exchange.retryAfter + 999_999_999) / 1_000_000_000)
    }

    /// Puts the body into `page` and fields into `line` of the worker; the body's type.
    private func fill(_ page: Page, status: Int, _ exchange: Exchange) -> [UInt8] {
        let id = exchange.requestID
        switch page {
        case .none:
            worker.page.append(contentsOf: String(status).utf8)
            worker.page.append(" ")
            worker.page.append(HeadWriter.reasonPhrase(status))
            worker.page.append("\n")
            return Array("text/plain; charset=utf-8".utf8)
        case .block: return fill(html: nil, json: nil, exchange)
        case .own(let answer):
            AnswerTemplate.render(answer.headers.span, id: id.span, values(exchange), into: &worker.line)
            switch answer.content {
            case .page(let html, let json): return fill(html: html, json: json, exchange)
            case .text(let type, let body):
                AnswerTemplate.render(body.span, id: id.span, values(exchange), into: &worker.page)
                return type
            }
        }
    }

    private func fill(html: [UInt8]?, json: [UInt8]?, _ exchange: Exchange) -> [UInt8] {
        let bytes = exchange.requestSpan
        let accept = exchange.request.first(.accept).map { exchange.request.fields[$0].value } ?? .empty
        let format = BlockPages.format(accept: bytes.slice(accept))
        let id = exchange.requestID
        let template = (format == .html ? html : json) ?? exchange.policy.pages.template(format)
        AnswerTemplate.render(template.span, id: id.span, values(exchange), into: &worker.page)
        return Array(format.contentType.utf8)
    }

    /// Sends the copy of the service's own failure that stands in the worker's memory.
    func answerAsTheService(_ exchange: Exchange) {
        let keepsAlive = exchange.clientKeepsAlive && exchange.requestFlow.hasEnded && !isLeaving
        worker.lend(&output)
        let before = output.count
        FailureCopy.write(exchange, worker, keepsAlive: keepsAlive, into: &output)
        exchange.bytesOut += UInt64(output.count - before)
        worker.counters.mimickedLogins += 1
        finish(keepsAlive: keepsAlive)
    }
}
