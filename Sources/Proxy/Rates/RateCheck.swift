// SPDX-License-Identifier: Apache-2.0
import Logins
import Rules
import Transport
import Wire

/// Where counters meet an exchange: asked when all else of their rules holds, and given back after a login that succeeded. Stateless.
enum RateCheck {
    /// What was charged and may be given back. Part of an exchange.
    struct Charge {
        var counter: Int
        var key: UInt64
        var time: MonotonicTime
    }

    /// Asks the counters of the rules that wait for them, and gives the verdict with those that are over.
    static func decide(_ verdict: Verdict, _ exchange: Exchange, _ worker: Worker) -> Verdict {
        if !exchange.evaluation.waitsForCounters { return verdict }
        let ruleset = exchange.policy.ruleset
        var verdict = verdict
        ruleset.takeCounted(&exchange.evaluation, into: &worker.countedRules)
        for place in worker.countedRules.indices {
            let rule = Int(worker.countedRules[place])
            var isOver = true
            for counter in ruleset.counters(of: rule) where !isUsedUp(counter, exchange, worker) { isOver = false }
            if isOver { verdict = ruleset.admit(rule, verdict, &exchange.evaluation) }
        }
        return verdict
    }

    /// Charges one counter. True: the key has used its allowance.
    private static func isUsedUp(_ counter: Int, _ exchange: Exchange, _ worker: Worker) -> Bool {
        let table = exchange.policy.rates[counter]
        guard let key = key(table.condition, exchange, worker) else { return false }
        let now = worker.loop.now
        if let wait = table.charge(key, now: now) {
            exchange.retryAfter = max(exchange.retryAfter, wait)
            return true
        }
        if table.condition.refund == .success {
            exchange.charges.append(Charge(counter: counter, key: key, time: now))
        }
        return false
    }

    /// The login succeeded: it cost nothing.
    static func refund(_ exchange: Exchange) {
        for charge in exchange.charges {
            exchange.policy.rates[charge.counter].refund(charge.key, chargedAt: charge.time)
        }
        if !exchange.charges.isEmpty { exchange.charges.removeAll(keepingCapacity: true) }
    }

    /// `limits.requests_per_address`. Before rules, lists of names and bodies: nothing was made for the request yet.
    static func refuses(_ exchange: Exchange, _ policy: Policy, _ worker: Worker) -> Bool {
        guard let table = policy.requestLimit else { return false }
        let key = worker.ledger.hash.of(exchange.client, bits: clientBits(exchange))
        guard let wait = table.charge(key, now: worker.loop.now) else { return false }
        exchange.retryAfter = wait
        return true
    }

    // MARK: Keys

    /// nil: a part of it is missing, and the request is not counted.
    private static func key(_ condition: RateCondition, _ exchange: Exchange, _ worker: Worker) -> UInt64? {
        let hash = worker.ledger.hash
        var key: UInt64 = 0
        for place in condition.key.indices {
            let part: UInt64?
            switch condition.key[place] {
            case .client: part = hash.of(exchange.client, bits: clientBits(exchange))
            case .network4(let bits):
                part = hash.of(exchange.client, bits: exchange.client.isIPv4 ? 96 + bits : clientBits(exchange))
            case .network6(let bits): part = hash.of(exchange.client, bits: exchange.client.isIPv4 ? 128 : bits)
            case .subject(.userLogin): part = name(exchange, worker)
            case .subject(let subject): part = value(of: subject, exchange, worker)
            }
            guard let part else { return nil }
            key = hash.of(key, part)
        }
        return key
    }

    /// The part of an address that stands for one client.
    private static func clientBits(_ exchange: Exchange) -> Int {
        exchange.client.isIPv4 ? 128 : exchange.policy.trust.prefixLength
    }

    /// Most services take a name in any case.
    private static func name(_ exchange: Exchange, _ worker: Worker) -> UInt64? {
        if !exchange.login.hasName { return nil }
        worker.line.removeAll(keepingCapacity: true)
        for byte in exchange.login.name { worker.line.append(ByteSearch.lowercased(byte)) }
        let text = worker.line
        return worker.ledger.hash.of(text.span)
    }

    private static func value(of subject: Subject, _ exchange: Exchange, _ worker: Worker) -> UInt64? {
        let hash = worker.ledger.hash
        let ruleset = exchange.policy.ruleset
        var found: UInt64?
        if subject.phase >= .responseHead {
            let answerBytes = exchange.responseSpan
            ruleset.visitKey(
                subject, answer: exchange.response, answerBytes, state: exchange.evaluation, scratch: worker.scratch
            ) { found = hash.of(found ?? 0, hash.of($0)) }
            return found
        }
        let bytes = exchange.requestSpan
        let path = exchange.path
        let raw = BodyInspection.isDecoded(exchange) ? exchange.decodedBody : exchange.body
        ruleset.visitKey(
            subject, exchange.request, bytes, path: path.span, body: exchange.bodyValues, raw: raw.span,
            facts: Inspection.facts(exchange), state: exchange.evaluation, scratch: worker.scratch
        ) { found = hash.of(found ?? 0, hash.of($0)) }
        return found
    }
}
