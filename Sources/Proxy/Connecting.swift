// SPDX-License-Identifier: Apache-2.0
import Transport
import Wire

/// Opens a connection to a server of a pool.
enum Connecting {
    /// nil: the name has no address yet, or the kernel refused each at once; noted. Throws, noted too, when the lack is ours.
    static func open(pool: UpstreamPool, server: Int, worker: Worker) throws(Fault) -> Upstream? {
        let endpoint = pool.servers[server].endpoint
        if endpoint.addressCount == 0 {
            worker.note(Fault(.upstream, "resolve", detail: "no address is known for this name"), server: endpoint)
        }
        for _ in 0..<endpoint.addressCount {
            guard let address = endpoint.nextAddress(now: worker.loop.now) else { return nil }
            if let upstream = try open(address, pool: pool, server: server, worker: worker) { return upstream }
            endpoint.avoid(address, until: worker.loop.now + pool.policy.failTimeout)
        }
        return nil
    }

    private static func open(
        _ address: SocketAddress, pool: UpstreamPool, server: Int, worker: Worker
    ) throws(Fault) -> Upstream? {
        let endpoint = pool.servers[server].endpoint
        do throws(Fault) {
            let stream = try begin(address, tls: pool.policy.tls, serverName: endpoint.serverName)
            let raw = stream.descriptor.raw
            let upstream = Upstream(worker: worker, pool: pool, server: server, address: address, stream: stream)
            try worker.loop.add(fd: raw, upstream)
            worker.counters.upstreamConnections += 1
            return upstream
        } catch {
            worker.note(error, server: endpoint)
            if error.isOurLack { throw error }
            return nil
        }
    }

    /// A connection in progress, with a session that will shake hands when it stands.
    static func begin(_ address: SocketAddress, tls: TLSContext?, serverName: String) throws(Fault) -> Stream {
        let descriptor = try Socket.connect(to: address)
        let session = try tls?.session(fd: descriptor.raw, serverName: serverName)
        return Stream(descriptor: descriptor, tls: session, source: .upstream, isConnected: false)
    }
}
