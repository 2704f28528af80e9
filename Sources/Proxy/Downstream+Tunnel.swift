// SPDX-License-Identifier: Apache-2.0
import Transport
import Wire

/// After a 101 both sides speak another protocol: bytes pass as they are, each end is passed on by itself.
extension Downstream {
    func beginTunnel(_ exchange: Exchange) {
        exchange.status = 101
        exchange.hasResponseHead = true
        worker.lend(&output)
        Answering.writeInformational(exchange, into: &output)
        exchange.upstream?.expectNothing()
        phase = .tunnel
    }

    func stepTunnel() -> Bool {
        guard let exchange, let upstream = exchange.upstream else { return false }
        if pendingFault != nil {
            abort()
            return false
        }
        var moved = false
        if upstream.output.count < Worker.highWaterBytes {
            if input.isEmpty { _ = read() }
            if phase == .closed { return false }
            if !input.isEmpty {
                exchange.bytesIn += UInt64(input.count)
                upstream.output.append(input.bytes)
                input.removeAll()
                moved = true
            }
        }
        if !upstream.flush() || upstream.writeFailed {
            abort()
            return false
        }
        if output.count < Worker.highWaterBytes {
            if upstream.input.isEmpty { _ = upstream.read() }
            if !upstream.input.isEmpty {
                exchange.bytesOut += UInt64(upstream.input.count)
                output.append(upstream.input.bytes)
                upstream.input.consume(upstream.input.count)
                moved = true
            }
        }
        if !flush() { return moved }
        if phase == .closed { return false }
        if inputEnded && upstream.output.isEmpty && !exchange.tunnelClientEnded {
            exchange.tunnelClientEnded = true
            upstream.shutdownWrite()
        }
        if upstream.hasEnded && output.isEmpty && upstream.input.isEmpty {
            if exchange.tunnelClientEnded {
                abort()
                return false
            }
            if !exchange.tunnelServerEnded {
                exchange.tunnelServerEnded = true
                stream.shutdownWrite()
            }
        }
        return moved
    }
}
