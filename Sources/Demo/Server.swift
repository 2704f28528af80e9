// SPDX-License-Identifier: Apache-2.0

import Dispatch

/// The listening socket of the demo and everything behind it, on one serial queue. Owned by `main`.
final class Server {
    let port: UInt16
    private let queue: DispatchQueue
    private let listener: any DispatchSourceRead
    private let service = IdentityProvider()
    private var connections: [Int32: Connection] = [:]

    init(host: String, port: UInt16, queue: DispatchQueue) throws(Socket.Failure) {
        let (descriptor, port) = try Socket.listen(host: host, port: port)
        self.port = port
        self.queue = queue
        listener = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
        listener.setEventHandler { [weak self] in self?.accept(descriptor) }
        listener.resume()
    }

    private func accept(_ listener: Int32) {
        while let descriptor = Socket.accept(listener) {
            connections[descriptor] = Connection(descriptor, queue: queue, service: service) { [weak self] in
                self?.connections[descriptor] = nil
            }
        }
    }
}
