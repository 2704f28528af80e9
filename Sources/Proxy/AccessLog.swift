// SPDX-License-Identifier: Apache-2.0
import Rules
import Wire

/// One worker's access log: lines gather in memory and go to the file's writer in blocks. Confined to its worker.
struct AccessLog: ~Copyable {
    /// A block is handed over when it reaches this size, and each second.
    static let blockBytes = 64 * 1024

    private var block = ByteBuffer()
    private var clock = TimestampText()
    private let file: LogFile

    init(file: LogFile) { self.file = file }

    /// One JSON line for a finished exchange. Fields that are unknown are absent. The query is left out: it may hold secrets.
    mutating func write(_ exchange: Exchange, microseconds: UInt64) {
        if block.isEmpty { block.reserve(AccessLog.blockBytes + 8 * 1024) }
        block.append("{\"time\":\"")
        clock.write(unixNanoseconds: exchange.startedUnixNanoseconds, to: &block)
        block.append("\",\"client_ip\":\"")
        let client = IPAddressText(exchange.client)
        block.append(client.span)
        block.append("\",\"peer_ip\":\"")
        if exchange.peer == exchange.client { block.append(client.span) } else { exchange.peer.write(to: &block) }
        block.append("\"")
        let bytes = exchange.requestSpan
        if !exchange.request.methodRange.isEmpty {
            // A method is a token (RFC 9110 §5.6.2) and an identifier was looked at: nothing to escape.
            plain(",\"method\":\"", bytes.slice(exchange.request.methodRange))
            text(",\"path\":\"", bytes.slice(exchange.request.path))
            text(",\"host\":\"", bytes.slice(exchange.request.authority))
        }
        number(",\"status\":", UInt64(exchange.status))
        number(",\"bytes_in\":", exchange.bytesIn)
        number(",\"bytes_out\":", exchange.bytesOut)
        milliseconds(",\"duration_ms\":", microseconds)
        if exchange.attempts > 0, let pool = exchange.pool {
            let name = pool.servers[exchange.server].endpoint.name
            text(",\"upstream\":\"", name.span)
            if exchange.upstreamNanoseconds > 0 {
                milliseconds(",\"upstream_ms\":", exchange.upstreamNanoseconds / 1_000)
            }
        }
        if let name = exchange.service?.name { text(",\"service\":\"", name.span) }
        block.append(",\"verdict\":\"")
        block.append(exchange.outcome.label)
        block.append("\"")
        if let position = exchange.decidingRule {
            let id = exchange.policy.ruleset.rule(at: position).id
            text(",\"rule\":\"", id.span)
        }
        let reason = exchange.reason
        if !reason.isEmpty { text(",\"reason\":\"", reason.span) }
        let identifier = exchange.requestID
        if !identifier.isEmpty { plain(",\"request_id\":\"", identifier.span) }
        if let index = exchange.request.first(.userAgent) {
            text(",\"user_agent\":\"", bytes.slice(exchange.request.fields[index].value))
        }
        if exchange.isSecure { block.append(",\"tls\":true") }
        if exchange.request.version == .http2 { block.append(",\"http\":\"2\"") }
        block.append("}\n")
        if block.count >= AccessLog.blockBytes { flush() }
    }

    /// Hands what has gathered to the file.
    mutating func flush() {
        if block.isEmpty { return }
        file.append(block.bytes)
        block.removeAll()
    }

    @inline(__always)
    private mutating func text(_ key: StaticString, _ value: Span<UInt8>) {
        block.append(key)
        JSONWriter.escape(value, into: &block)
        block.append(34)
    }

    @inline(__always)
    private mutating func plain(_ key: StaticString, _ value: Span<UInt8>) {
        block.append(key)
        block.append(value)
        block.append(34)
    }

    @inline(__always)
    private mutating func number(_ key: StaticString, _ value: UInt64) {
        block.append(key)
        block.append(decimal: value)
    }

    /// Microseconds as milliseconds with three digits.
    private mutating func milliseconds(_ key: StaticString, _ microseconds: UInt64) {
        block.append(key)
        block.append(decimal: microseconds / 1_000)
        let rest = microseconds % 1_000
        block.append(46)
        block.append(UInt8(truncatingIfNeeded: 48 + rest / 100))
        block.append(UInt8(truncatingIfNeeded: 48 + rest / 10 % 10))
        block.append(UInt8(truncatingIfNeeded: 48 + rest % 10))
    }
}
