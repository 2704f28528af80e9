// SPDX-License-Identifier: Apache-2.0
import Logins
import Rules
import Transport
import Wire

/// Answers as the service itself answers a login that failed, so that whoever is refused cannot tell. What it looks like is learnt from real failures on
/// the same route. Stateless.
enum FailureCopy {
    /// What a service's answer may depend on.
    private struct Traits {
        var takesGzip: Bool
        var hasCookie: Bool
        var wantsPage: Bool

        var number: UInt64 { (takesGzip ? 1 : 0) | (hasCookie ? 2 : 0) | (wantsPage ? 4 : 0) }
    }

    // MARK: Learning

    /// The answer's body must be kept for it.
    static func observesBody(_ exchange: Exchange) -> Bool {
        exchange.policy.mimics && exchange.login.route?.kind == .login
    }

    /// A real login failed, and the service said so itself.
    static func learn(_ exchange: Exchange, _ worker: Worker) {
        guard exchange.policy.mimics, exchange.hasResponseHead, exchange.login.routeNumber >= 0,
            exchange.outcome == .allowed || exchange.outcome == .monitored, exchange.status < 500,
            exchange.status != 429, exchange.login.name.count >= 3, !exchange.observedIsIncomplete,
            let kind = kind(traits(exchange), exchange, worker)
        else { return }
        let memory = worker.failures
        if !memory.note(kind, nanoseconds: exchange.upstreamNanoseconds, now: worker.loop.now) { return }
        guard exchange.observedBody.count <= FailureSample.bodyLimit, let sample = sample(exchange, worker) else {
            return
        }
        memory.add(sample, to: kind)
    }

    private static func sample(_ exchange: Exchange, _ worker: Worker) -> FailureSample? {
        let bytes = exchange.responseSpan
        let fields = exchange.response.fields
        var kept: [(name: [UInt8], value: [UInt8])] = []
        var isChunked = false
        var hasLength = false
        let namesMore = Forwarding.namesEndToEndFields(
            fields, bytes, isPresent: exchange.response.contains(.connection))
        for index in fields.indices {
            let item = fields[index]
            switch item.known {
            case .transferEncoding: isChunked = true
            case .contentLength: hasLength = true
            case .connection, .te, .upgrade, .keepAlive, .proxyConnection, .proxyAuthenticate: continue
            // Without its body's coding it is not what it says.
            case .contentEncoding where !ByteSearch.equalsIgnoringCase(bytes.slice(item.value), "gzip".utf8.span):
                return nil
            default:
                if ReportField.isOne(item, bytes) { continue }
                if namesMore && Forwarding.isNamedByConnection(bytes.slice(item.name), fields, bytes) { continue }
                kept.append((copy(bytes.slice(item.name)), copy(bytes.slice(item.value))))
            }
        }
        return FailureSample(
            status: exchange.response.status, reason: copy(bytes.slice(exchange.response.reason)), fields: kept,
            isChunked: isChunked || !hasLength && !exchange.observedBody.isEmpty, body: exchange.observedBody,
            name: exchange.login.name, requestID: exchange.requestID,
            unixSeconds: worker.loop.unixNanoseconds / 1_000_000_000)
    }

    private static func copy(_ text: Span<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        out.append(text)
        return out
    }

    // MARK: Answering

    /// How long the service would take.
    static func wait(_ exchange: Exchange, _ worker: Worker) -> Duration {
        // It did: what is held back is its answer.
        if exchange.upstreamNanoseconds > 0 { return .zero }
        guard let kind = kinds(exchange, worker).first(where: { worker.failures.template(of: $0) != nil }) else {
            return exchange.answerWait ?? .zero
        }
        return worker.failures.latency(of: kind) ?? .zero
    }

    /// Makes a copy in the worker's memory: head and body. False: nothing is learnt yet.
    static func make(_ exchange: Exchange, _ worker: Worker) -> Bool {
        var found: FailureTemplate?
        for kind in kinds(exchange, worker) where found == nil { found = worker.failures.template(of: kind) }
        guard let template = found else { return false }
        var random = SystemRandomNumberGenerator()
        let copy = template.render(
            name: exchange.login.name, requestID: exchange.requestID,
            unixSeconds: worker.loop.unixNanoseconds / 1_000_000_000, random: &random)
        var body = copy.body
        worker.line.removeAll(keepingCapacity: true)
        var hasDate = false
        for (name, value) in zip(template.fieldNames, copy.values) {
            let known = FieldName.recognise(name.span)
            if known == .contentEncoding {
                guard takesGzip(exchange), let packed = Deflater.gzip(body) else { continue }
                body = packed
            }
            if known == .date { hasDate = true }
            worker.line += name + Array(": ".utf8) + value + [13, 10]
        }
        if !hasDate { worker.line += Array("Date: ".utf8) + worker.date + [13, 10] }
        worker.page = body
        worker.copied = template
        exchange.status = template.status
        return true
    }

    /// Writes what `make` made.
    static func write(_ exchange: Exchange, _ worker: Worker, keepsAlive: Bool, into output: inout ByteBuffer) {
        guard let template = worker.copied else { return }
        worker.copied = nil
        let (lines, body, reason) = (worker.line, worker.page, template.reason)
        let isHTTP10 = exchange.request.version == .http10
        HeadWriter.statusLine(template.status, reason: reason.span, to: &output)
        output.append(lines)
        let isChunked = template.isChunked && !isHTTP10
        HeadWriter.framing(isChunked ? .chunked : .length(UInt64(body.count)), to: &output)
        if !keepsAlive {
            output.append("Connection: close\r\n")
        } else if isHTTP10 {
            output.append("Connection: keep-alive\r\n")
        }
        output.append("\r\n")
        if exchange.request.method == .head { return }
        if !isChunked {
            output.append(body)
            return
        }
        if !body.isEmpty { HeadWriter.chunk(body.span, to: &output) }
        output.append("0\r\n\r\n")
    }

    // MARK: Kinds

    /// What is known under these numbers fits, the best first.
    private static func kinds(_ exchange: Exchange, _ worker: Worker) -> [UInt64] {
        let own = traits(exchange)
        var all = [own]
        for takesGzip in [own.takesGzip, !own.takesGzip] {
            for hasCookie in [own.hasCookie, !own.hasCookie] {
                all.append(Traits(takesGzip: takesGzip, hasCookie: hasCookie, wantsPage: own.wantsPage))
            }
        }
        return all.compactMap { kind($0, exchange, worker) }
    }

    private static func kind(_ traits: Traits, _ exchange: Exchange, _ worker: Worker) -> UInt64? {
        guard let service = exchange.service, let route = exchange.login.route, exchange.login.routeNumber >= 0 else {
            return nil
        }
        let hash = worker.ledger.hash
        let (holder, name) = (service.name, route.name)
        return hash.of(hash.of(hash.of(holder.span), hash.of(name.span)), traits.number)
    }

    private static func traits(_ exchange: Exchange) -> Traits {
        let bytes = exchange.requestSpan
        let accept = exchange.request.first(.accept).map { exchange.request.fields[$0].value } ?? .empty
        return Traits(
            takesGzip: takesGzip(exchange), hasCookie: exchange.request.contains(.cookie),
            wantsPage: BlockPages.format(accept: bytes.slice(accept)) == .html)
    }

    private static func takesGzip(_ exchange: Exchange) -> Bool {
        guard let index = exchange.request.first(.acceptEncoding) else { return false }
        let bytes = exchange.requestSpan
        return BlockPages.contains(bytes.slice(exchange.request.fields[index].value), "gzip".utf8.span)
    }
}
