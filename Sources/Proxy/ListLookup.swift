// SPDX-License-Identifier: Apache-2.0
import Rules
import Transport
import Wire

/// What a list, of denied or of allowed ones, says of an exchange as far as it is known: first what was added at run time, then the files.
enum ListLookup {
    /// By the request's head: address, user agent, session token, the fingerprints of the head.
    static func head(of exchange: Exchange, in name: ListName, _ policy: Policy, _ worker: Worker) -> ListHit? {
        let list = list(name, policy)
        if list.isEmpty && worker.overlayIsEmpty(name) { return nil }
        let bytes = exchange.requestSpan
        let now = seconds(worker)
        if !worker.overlayIsEmpty(name), let hit = worker.findOverlay(name, address: exchange.client, now: now) {
            return hit
        }
        if let hit = list.find(address: exchange.client, now: now) { return hit }
        if has(.userAgent, list, name, worker), let index = exchange.request.first(.userAgent) {
            let value = bytes.slice(exchange.request.fields[index].value)
            if let hit = find(.userAgent, value, list, name, worker) { return hit }
        }
        if has(.session, list, name, worker), let hit = session(of: exchange, list, name, worker) { return hit }
        if !has(.fingerprint, list, name, worker) { return nil }
        LoginObserver.printHead(exchange)
        let prints = exchange.evaluation.fingerprints
        return find(prints.header, exchange, list, name, worker) ?? find(prints.network, exchange, list, name, worker)
            ?? find(prints.http2, exchange, list, name, worker) ?? find(prints.client, exchange, list, name, worker)
            ?? find(prints.ja4, exchange, list, name, worker) ?? find(prints.ja3, exchange, list, name, worker)
    }

    /// By the typed name of a login, and the fingerprint that needs the names of the body's values.
    static func body(of exchange: Exchange, in name: ListName, _ policy: Policy, _ worker: Worker) -> ListHit? {
        let list = list(name, policy)
        if list.isEmpty && worker.overlayIsEmpty(name) { return nil }
        if exchange.login.hasName {
            let typed = exchange.login.name
            if let hit = find(.login, typed.span, list, name, worker) { return hit }
        }
        if !list.needsRequestBody && !worker.overlayNeedsRequestBody(name) { return nil }
        LoginObserver.printBody(exchange)
        return find(exchange.evaluation.fingerprints.http, exchange, list, name, worker)
    }

    /// By the user whom the answer's head names, and the session's fingerprint, which has that user in it.
    static func answer(to exchange: Exchange, in name: ListName, _ policy: Policy, _ worker: Worker) -> ListHit? {
        let list = list(name, policy)
        if list.isEmpty && worker.overlayIsEmpty(name) { return nil }
        if !exchange.login.userID.isEmpty {
            let userID = exchange.login.userID
            if let hit = find(.userID, userID.span, list, name, worker) { return hit }
        }
        if !list.hasSessionFingerprints && !worker.overlayHasSessionFingerprints(name) { return nil }
        LoginObserver.printSession(exchange)
        return find(exchange.evaluation.fingerprints.session, exchange, list, name, worker)
    }

    /// By what a login was known by, when it is not the request that says it.
    static func user(
        login: [UInt8], userID: [UInt8], of exchange: Exchange, in name: ListName, _ worker: Worker
    ) -> ListHit? {
        let list = list(name, exchange.policy)
        if !login.isEmpty, let hit = find(.login, login.span, list, name, worker) { return hit }
        return userID.isEmpty ? nil : find(.userID, userID.span, list, name, worker)
    }

    /// Some entry is about a user.
    static func namesUsers(_ name: ListName, _ policy: Policy, _ worker: Worker) -> Bool {
        let list = list(name, policy)
        return has(.login, list, name, worker) || has(.userID, list, name, worker)
    }

    /// Some entry looks at what is known only with the request's body.
    static func needsRequestBody(_ policy: Policy, _ worker: Worker) -> Bool {
        policy.denylist.needsRequestBody || policy.allowlist.needsRequestBody || worker.overlayNeedsRequestBody(.deny)
            || worker.overlayNeedsRequestBody(.allow)
    }

    static func appendReason(of hit: ListHit, in name: ListName, of exchange: Exchange, _ worker: Worker) {
        if hit.isOverlay {
            worker.appendOverlayReason(of: hit, name, to: &exchange.reason)
        } else {
            list(name, exchange.policy).appendReason(of: hit, to: &exchange.reason)
        }
    }

    private static func list(_ name: ListName, _ policy: Policy) -> Denylist {
        name == .deny ? policy.denylist : policy.allowlist
    }

    /// By a cookie's value, or the token of an Authorization field.
    private static func session(
        of exchange: Exchange, _ list: Denylist, _ name: ListName, _ worker: Worker
    ) -> ListHit? {
        let bytes = exchange.requestSpan
        for index in exchange.request.fields.indices {
            let field = exchange.request.fields[index]
            let value = bytes.slice(field.value)
            if field.known == .authorization {
                guard let space = ByteSearch.find(32, in: value) else { continue }
                let token = value.slice(ByteSearch.trim(value, ByteRange(space, value.count)))
                if let hit = find(.session, token, list, name, worker) { return hit }
            } else if field.known == .cookie {
                var cursor = 0
                while let pair = CookieReader.next(in: value, from: &cursor) {
                    if let hit = find(.session, value.slice(pair.value), list, name, worker) { return hit }
                }
            }
        }
        return nil
    }

    private static func has(_ kind: ListKind, _ list: Denylist, _ name: ListName, _ worker: Worker) -> Bool {
        list.has(kind) || worker.overlayHas(kind, name)
    }

    private static func find(
        _ kind: ListKind, _ text: Span<UInt8>, _ list: Denylist, _ name: ListName, _ worker: Worker
    ) -> ListHit? {
        let now = seconds(worker)
        return worker.findOverlay(name, kind, text, now: now) ?? list.find(kind, text, now: now)
    }

    private static func find(
        _ print: ByteRange, _ exchange: Exchange, _ list: Denylist, _ name: ListName, _ worker: Worker
    ) -> ListHit? {
        if print.isEmpty { return nil }
        let bytes = exchange.evaluation.fingerprints.bytes
        return find(.fingerprint, bytes.span.slice(print), list, name, worker)
    }

    private static func seconds(_ worker: Worker) -> Int64 { worker.loop.unixNanoseconds / 1_000_000_000 }
}
