// SPDX-License-Identifier: Apache-2.0
import Glibc

/// One loop's view of a listening socket: accepts in bursts and hands connections on. Confined to its loop.
public final class Listener: EventTarget {
    /// At most so many connections per wake-up, so that a flood of them does not starve those that stand.
    public static let burst = 64
    /// Without descriptors or memory nothing can be accepted; trying again at once would spin.
    private static let pause = Duration.milliseconds(100)

    public typealias Accepted = (_ descriptor: consuming Descriptor, _ peer: SocketAddress, _ loop: Loop) -> Void

    public let socket: ListeningSocket
    private let accepted: Accepted
    /// Frees a descriptor when there is none left to accept with; false: it cannot.
    public var makeRoom: () -> Bool = { false }
    private var isRegistered = false

    /// Connections handed on.
    public private(set) var acceptedCount: UInt64 = 0
    /// How often accepting was paused for lack of descriptors or memory.
    public private(set) var pausedCount: UInt64 = 0
    /// Connections that broke before they were accepted, or with an address that we do not speak.
    public private(set) var brokenCount: UInt64 = 0
    public private(set) var isPaused = false
    /// The fault that paused it last.
    public private(set) var lastFault: Fault?

    /// `accepted` owns the descriptor it is given; it is called on the loop.
    public init(_ socket: ListeningSocket, accepted: @escaping Accepted) {
        self.socket = socket
        self.accepted = accepted
    }

    /// Begins to accept. Level-triggered and exclusive: what one burst leaves wakes another loop or the next turn.
    public func open(on loop: Loop) throws(Fault) {
        if isRegistered { return }
        try loop.add(fd: socket.raw, self, [.readable, .exclusive])
        isRegistered = true
    }

    /// Accepts no more on this loop. The socket stays open as long as somebody holds it.
    public func close(on loop: Loop) {
        isPaused = false
        loop.setDeadline(self, .never)
        unregister(loop)
    }

    /// Stops accepting until `duration` has passed, for instance when there are as many connections as allowed.
    public func pause(for duration: Duration, on loop: Loop) {
        if isPaused { return }
        isPaused = true
        pausedCount &+= 1
        unregister(loop)
        loop.setDeadline(self, loop.now + duration)
    }

    /// Accepts whoever waits in the queue: closing the socket would reset connections that stand for their clients.
    package func emptyBacklog(on loop: Loop) {
        // The queue holds 4096; a flood must not keep us here.
        for _ in 0..<(4096 / Listener.burst) {
            let before = acceptedCount
            ready(.readable, on: loop)
            if acceptedCount == before { return }
        }
    }

    private func unregister(_ loop: Loop) {
        if !isRegistered { return }
        isRegistered = false
        loop.remove(fd: socket.raw, closing: false)
    }

    public override func ready(_ readiness: Readiness, on loop: Loop) {
        var address = RawAddress()
        var left = Listener.burst
        while left > 0 && isRegistered {
            left -= 1
            let result = SystemCall.accept(socket.raw, &address)
            if result >= 0 {
                let descriptor = Descriptor(owning: Int32(result))
                guard let peer = address.value else {
                    brokenCount &+= 1
                    continue
                }
                Socket.tune(descriptor.raw, peer)
                acceptedCount &+= 1
                accepted(descriptor, peer, loop)
                continue
            }
            switch Int32(-result) {
            case EAGAIN: return
            // accept(2): errors of the network that belong to the connection, not to the listener.
            case ECONNABORTED, EPERM, EPROTO, ENETDOWN, ENETUNREACH, EHOSTDOWN, EHOSTUNREACH, ENOPROTOOPT, ENONET,
                EOPNOTSUPP:
                brokenCount &+= 1
            case EMFILE, ENFILE:
                if makeRoom() { continue }
                lastFault = Fault(.internal, "accept", errno: Int32(-result))
                pause(for: Listener.pause, on: loop)
            default:
                lastFault = Fault(.internal, "accept", errno: Int32(-result))
                pause(for: Listener.pause, on: loop)
            }
        }
    }

    public override func deadlinePassed(on loop: Loop) {
        isPaused = false
        do throws(Fault) {
            try open(on: loop)
        } catch {
            lastFault = error
            pause(for: Listener.pause, on: loop)
        }
    }
}
