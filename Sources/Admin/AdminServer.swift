// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Glibc
package import Transport
import Wire

/// The operator's listener on a loop of its own, so that neither a flood of logins nor a slow scrape disturbs the other. It has no
/// authentication: it listens on a Unix socket (mode 0660) or on loopback, nowhere else.
package final class AdminServer: Sendable {
    private static let connectionLimit = 64

    private let handle: LoopHandle
    private let stopped: DispatchGroup
    package let address: SocketAddress

    /// Opens the socket and starts the loop.
    package init(address: SocketAddress, actions: AdminActions) throws(Fault) {
        if let ip = address.address, !ip.isLoopback {
            throw Fault(.internal, "bind", errno: EACCES, detail: "the admin listener needs loopback or a Unix socket")
        }
        let socket = try ListeningSocket(address)
        if case .unix(let path) = address, unsafe chmod(path, 0o660) != 0 {
            throw Fault(.internal, "chmod", errno: errno, detail: path)
        }
        self.address = socket.address
        let stopped = DispatchGroup()
        stopped.enter()
        self.stopped = stopped
        handle = try Loop.start(
            name: "admin",
            prepare: { loop in
                let room = AdminRoom()
                loop.context = room
                let listener = Listener(socket) { descriptor, _, loop in
                    if room.connections >= AdminServer.connectionLimit { return }
                    room.connections += 1
                    AdminConnection(descriptor, loop: loop, actions: actions, closed: { room.connections -= 1 }).start()
                }
                room.listener = listener
                do throws(Fault) {
                    try listener.open(on: loop)
                } catch {
                    preconditionFailure("the admin loop could not watch its socket: \(error)")
                }
            }, whenStopped: { stopped.leave() })
    }

    /// Ends the loop and closes the socket; its path is gone when this returns.
    package func stop() {
        handle.post { loop in
            if let room = loop.context as? AdminRoom {
                room.listener?.close(on: loop)
                room.listener = nil
            }
            loop.stop()
        }
        _ = stopped.wait(timeout: .now() + 5)
        if case .unix(let path) = address { unsafe unlink(path) }
    }

    /// Keeps a connection that waits for a reload where its answer will find it.
    static func waiting(_ connection: AdminConnection, as number: ObjectIdentifier, on loop: Loop) {
        (loop.context as? AdminRoom)?.waiting[number] = connection
    }

    static func release(_ number: ObjectIdentifier, on loop: Loop) -> AdminConnection? {
        (loop.context as? AdminRoom)?.waiting.removeValue(forKey: number)
    }
}

/// What the admin loop owns. Confined to it.
final class AdminRoom: EventTarget {
    var connections = 0
    var listener: Listener?
    var waiting: [ObjectIdentifier: AdminConnection] = [:]
}
