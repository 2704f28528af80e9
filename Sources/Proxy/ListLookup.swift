// SPDX-License-Identifier: Apache-2.0
import Rules
import Transport
import Wire

/// What a list, of denied or of allowed ones, says of an exchange as far as it is known.
enum ListLookup {
    /// By the request's head: address, user agent, the fingerprints of the head.
    static func head(of exchange: Exchange, in list: Denylist, _ worker: Worker) -> ListHit? {
        if list.isEmpty { return nil }
        let bytes = exchange.requestSpan
        let now = seconds(worker)
        if let hit = list.find(address: exchange.client, now: now) { return hit }
        if list.has(.userAgent), let index = exchange.request.first(.userAgent) {
            let value = bytes.slice(exchange.request.fields[index].value)
            if let hit = list.find(.userAgent, value, now: now) { return hit }
        }
        if list.has(.session), let hit = session(of: exchange, in: list, now) { return hit }
        if !list.hasFingerprints { return nil }
        LoginObserver.printHead(exchange)
        let prints = exchange.evaluation.fingerprints
        return find(prints.header, exchange, list, now) ?? find(prints.network, exchange, list, now)
    }

    /// By the typed name of a login, and the fingerprint that needs the names of the body's values.
    static func body(of exchange: Exchange, in list: Denylist, _ worker: Worker) -> ListHit? {
        if list.isEmpty { return nil }
        let now = seconds(worker)
        if exchange.login.hasName {
            let name = exchange.login.name
            if let hit = list.find(.login, name.span, now: now) { return hit }
        }
        if !list.needsRequestBody { return nil }
        LoginObserver.printBody(exchange)
        return find(exchange.evaluation.fingerprints.http, exchange, list, now)
    }

    /// By the user whom the answer's head names, and the session's fingerprint, which has that user in it.
    static func answer(to exchange: Exchange, in list: Denylist, _ worker: Worker) -> ListHit? {
        if list.isEmpty { return nil }
        let now = seconds(worker)
        if !exchange.login.userID.isEmpty {
            let userID = exchange.login.userID
            if let hit = list.find(.userID, userID.span, now: now) { return hit }
        }
        if !list.hasSessionFingerprints { return nil }
        LoginObserver.printSession(exchange)
        return find(exchange.evaluation.fingerprints.session, exchange, list, now)
    }

    /// By a cookie's value, or the token of an Authorization field.
    private static func session(of exchange: Exchange, in list: Denylist, _ now: Int64) -> ListHit? {
        let bytes = exchange.requestSpan
        for index in exchange.request.fields.indices {
            let field = exchange.request.fields[index]
            let value = bytes.slice(field.value)
            if field.known == .authorization {
                guard let space = ByteSearch.find(32, in: value) else { continue }
                let token = value.slice(ByteSearch.trim(value, ByteRange(space, value.count)))
                if let hit = list.find(.session, token, now: now) { return hit }
            } else if field.known == .cookie {
                var cursor = 0
                while let pair = CookieReader.next(in: value, from: &cursor) {
                    if let hit = list.find(.session, value.slice(pair.value), now: now) { return hit }
                }
            }
        }
        return nil
    }

    private static func find(_ print: ByteRange, _ exchange: Exchange, _ list: Denylist, _ now: Int64) -> ListHit? {
        if print.isEmpty { return nil }
        let bytes = exchange.evaluation.fingerprints.bytes
        return list.find(.fingerprint, bytes.span.slice(print), now: now)
    }

    private static func seconds(_ worker: Worker) -> Int64 { worker.loop.unixNanoseconds / 1_000_000_000 }
}
