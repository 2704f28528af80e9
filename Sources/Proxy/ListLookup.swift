// SPDX-License-Identifier: Apache-2.0
import Rules
import Transport
import Wire

/// What a list, of denied or of allowed ones, says of an exchange as far as it is known.
enum ListLookup {
    /// By the request's head: address, user agent, the fingerprints of the head.
    static func head(of exchange: Exchange, in list: Denylist, _ worker: Worker) -> Denylist.Entry? {
        if list.isEmpty { return nil }
        let bytes = exchange.requestSpan
        let now = seconds(worker)
        if let entry = list.find(address: exchange.client, now: now) { return entry }
        if let index = exchange.request.first(.userAgent) {
            let value = bytes.slice(exchange.request.fields[index].value)
            if let entry = list.find(userAgent: value, now: now) { return entry }
        }
        if !list.hasFingerprints { return nil }
        LoginObserver.printHead(exchange)
        let prints = exchange.evaluation.fingerprints
        return find(prints.header, exchange, list, now) ?? find(prints.network, exchange, list, now)
    }

    /// By the typed name of a login, and the fingerprint that needs the names of the body's values.
    static func body(of exchange: Exchange, in list: Denylist, _ worker: Worker) -> Denylist.Entry? {
        if list.isEmpty { return nil }
        let now = seconds(worker)
        if exchange.login.hasName {
            let name = exchange.login.name
            if let entry = list.find(login: name.span, now: now) { return entry }
        }
        if !list.needsRequestBody { return nil }
        LoginObserver.printBody(exchange)
        return find(exchange.evaluation.fingerprints.http, exchange, list, now)
    }

    /// By the user whom the answer's head names, and the session's fingerprint, which has that user in it.
    static func answer(to exchange: Exchange, in list: Denylist, _ worker: Worker) -> Denylist.Entry? {
        if list.isEmpty { return nil }
        let now = seconds(worker)
        if !exchange.login.userID.isEmpty {
            let userID = exchange.login.userID
            if let entry = list.find(userID: userID.span, now: now) { return entry }
        }
        if !list.hasSessionFingerprints { return nil }
        LoginObserver.printSession(exchange)
        return find(exchange.evaluation.fingerprints.session, exchange, list, now)
    }

    private static func find(_ print: ByteRange, _ exchange: Exchange, _ list: Denylist, _ now: Int64) -> Denylist
        .Entry?
    {
        if print.isEmpty { return nil }
        let bytes = exchange.evaluation.fingerprints.bytes
        return list.find(fingerprint: bytes.span.slice(print), now: now)
    }

    private static func seconds(_ worker: Worker) -> Int64 { worker.loop.unixNanoseconds / 1_000_000_000 }
}
