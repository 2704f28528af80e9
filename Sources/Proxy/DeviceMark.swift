// SPDX-License-Identifier: Apache-2.0
import Logins
import Wire

/// The cookie by which an account knows a device again: one of the service's own, or the gate's (`DeviceTokens`). Stateless.
enum DeviceMark {
    /// The device that an attempt comes from, by the cookie that the policy names.
    static func read(
        _ cookies: Span<UInt8>, _ exchange: Exchange, _ ledger: AttemptLedger, _ attempt: inout Attempt
    ) {
        let name = exchange.policy.deviceCookie
        if name.isEmpty { return }
        var from = 0
        while let pair = CookieReader.next(in: cookies, from: &from) {
            if !ByteSearch.equals(cookies.slice(pair.name), name.span) { continue }
            let value = cookies.slice(pair.value)
            if value.isEmpty { return }
            if exchange.policy.issuesDeviceCookie {
                let (isOurs, isOld) = ledger.devices.check(
                    value, unixSeconds: exchange.startedUnixNanoseconds / 1_000_000_000)
                if !isOurs { continue }
                exchange.login.hasDevice = !isOld
            }
            attempt.device = ledger.hash.of(value)
            return
        }
    }

    /// Gives the device a mark of ours with the answer, and the attempt the device that it makes. Only over TLS, to a client or to the trusted
    /// proxy that says so: browsers take it from nobody else.
    static func give(_ exchange: Exchange, _ worker: Worker) {
        guard exchange.policy.issuesDeviceCookie, !exchange.login.hasDevice,
            exchange.login.attempt?.isReconnoitring == false, isSecure(exchange)
        else { return }
        let token = worker.ledger.devices.make(unixSeconds: exchange.startedUnixNanoseconds / 1_000_000_000)
        exchange.login.attempt?.device = worker.ledger.hash.of(token.span)
        exchange.login.hasDevice = true
        exchange.login.deviceLine.append("Set-Cookie: ")
        exchange.login.deviceLine.append(DeviceTokens.cookieName.utf8.span)
        exchange.login.deviceLine.append("=")
        exchange.login.deviceLine.append(token.span)
        exchange.login.deviceLine.append("; Path=/; Max-Age=")
        exchange.login.deviceLine.append(decimal: UInt64(DeviceTokens.maximumAge))
        exchange.login.deviceLine.append("; Secure; HttpOnly; SameSite=Lax\r\n")
    }

    private static func isSecure(_ exchange: Exchange) -> Bool {
        if exchange.isSecure { return true }
        guard exchange.policy.trust.trusted.contains(exchange.peer),
            let index = exchange.request.first(.xForwardedProto)
        else { return false }
        return ByteSearch.equalsIgnoringCase(
            exchange.requestSpan.slice(exchange.request.fields[index].value), "https".utf8.span)
    }
}
