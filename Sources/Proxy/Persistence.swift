// SPDX-License-Identifier: Apache-2.0
import Wire

/// Which connections live on after an exchange, and what a request expects before its body (RFC 9112 §9.3, RFC 9110 §10.1.1).
enum Persistence {
    /// The client may send another request on this connection.
    static func clientKeepsAlive(_ head: borrowing RequestHead, _ bytes: Span<UInt8>) -> Bool {
        if !head.contains(.connection) { return head.version != .http10 }
        if names("close".utf8.span, head.fields, bytes) { return false }
        return head.version != .http10 || names("keep-alive".utf8.span, head.fields, bytes)
    }

    /// The server will take another request on this connection.
    static func serverKeepsAlive(_ head: borrowing ResponseHead, _ bytes: Span<UInt8>) -> Bool {
        if !head.contains(.connection) { return head.version == .http11 }
        if names("close".utf8.span, head.fields, bytes) { return false }
        return head.version == .http11 || names("keep-alive".utf8.span, head.fields, bytes)
    }

    /// Reads Expect and Upgrade into the exchange. An expectation that is not known is refused (RFC 9110 §10.1.1).
    static func readExpectations(of exchange: Exchange) -> Refusal? {
        let bytes = exchange.requestSpan
        if exchange.request.contains(.expect) && exchange.request.version != .http10 {
            for item in exchange.request.fields where item.known == .expect {
                let value = bytes.slice(item.value)
                if !ByteSearch.equalsIgnoringCase(value, "100-continue".utf8.span) { return .expectationFailed }
            }
            exchange.expectsContinue = !exchange.requestFlow.hasEnded
        }
        if exchange.request.contains(.upgrade) && exchange.request.contains(.connection)
            && exchange.request.version == .http11
            && exchange.requestFlow.hasEnded
        {
            exchange.wantsUpgrade = mayUpgrade(exchange.request, bytes)
        }
        return nil
    }

    /// An upgrade that the connection options announce. h2c would carry requests past every check, so it is never passed on.
    private static func mayUpgrade(_ head: borrowing RequestHead, _ bytes: Span<UInt8>) -> Bool {
        if !names("upgrade".utf8.span, head.fields, bytes) { return false }
        for index in head.fields.indices where head.fields[index].known == .upgrade {
            let value = bytes.slice(head.fields[index].value)
            if value.isEmpty || ByteSearch.containsToken(value, "h2c".utf8.span) { return false }
        }
        return true
    }

    private static func names(_ option: Span<UInt8>, _ fields: borrowing [HeadField], _ bytes: Span<UInt8>) -> Bool {
        Forwarding.isNamedByConnection(option, fields, bytes)
    }
}
