// SPDX-License-Identifier: Apache-2.0
import Rules
import Transport
import Wire

/// What is written down when an exchange ends, on every path: counts, one line of access log, one event if it was a login.
enum Accounting {
    static func finish(_ exchange: Exchange, _ worker: Worker) {
        let elapsed = worker.loop.now.nanoseconds &- exchange.startedAt.nanoseconds
        let microseconds = elapsed / 1_000
        worker.counters.bytesIn += exchange.bytesIn
        worker.counters.bytesOut += exchange.bytesOut
        worker.counters.countRequest(slot: exchange.service?.slot ?? 0, exchange.outcome, microseconds: microseconds)
        if exchange.login.isLogin || !exchange.login.declared.isEmpty {
            LoginReport.emit(exchange, worker, microseconds: microseconds)
            AttemptCheck.end(exchange, worker)
        }
        if exchange.hasResponseHead && !exchange.login.isLogin { SessionCheck.follow(exchange, worker) }
        if worker.policy.writesAccessLog { worker.accessLog.write(exchange, microseconds: microseconds) }
    }
}
