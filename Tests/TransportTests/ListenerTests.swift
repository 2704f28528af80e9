// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization
import Testing
import Wire

@testable import Transport

private func temporaryPath() -> String { "/tmp/loginward-\(getpid())-\(UInt32.random(in: 0 ... .max)).sock" }

@Suite struct ListenerTests {
    private func loopback() throws -> ListeningSocket {
        let address = try #require(SocketAddress("127.0.0.1:0"))
        return try ListeningSocket(address)
    }

    @Test func `accepts connections and says who came`() throws {
        let loop = try Loop(name: "test")
        let socket = try loopback()
        #expect(socket.address.port != 0)
        var peers: [SocketAddress] = []
        let listener = Listener(socket) { _, peer, _ in peers.append(peer) }
        try listener.open(on: loop)
        let client = try Socket.connect(to: socket.address)
        while peers.isEmpty { loop.turn(longestWait: 1000) }
        #expect(Socket.connectFault(client) == nil)
        #expect(peers.count == 1 && peers[0].address == socket.address.address)
        #expect(listener.acceptedCount == 1)
        listener.close(on: loop)
    }

    @Test func `every connection reaches exactly one of the loops that share the socket`() throws {
        let socket = try loopback()
        let count = Atomic<Int>(0)
        var handles: [LoopHandle] = []
        for number in 0..<3 {
            handles.append(
                try Loop.start(name: "share-\(number)") { loop in
                    let listener = Listener(socket) { _, _, _ in _ = count.add(1, ordering: .relaxed) }
                    try? listener.open(on: loop)
                })
        }
        for _ in 0..<300 {
            let client = try Socket.connect(to: socket.address)
            _ = consume client
        }
        #expect(eventually { count.load(ordering: .relaxed) == 300 })
        for handle in handles { handle.stop() }
        #expect(eventually { handles.allSatisfy { $0.isStopped } })
    }

    @Test func `a pause ends by itself and nobody is lost meanwhile`() throws {
        let loop = try Loop(name: "test")
        let socket = try loopback()
        var accepted = 0
        let listener = Listener(socket) { _, _, _ in accepted += 1 }
        try listener.open(on: loop)
        listener.pause(for: .milliseconds(50), on: loop)
        let client = try Socket.connect(to: socket.address)
        loop.turn(longestWait: 0)
        #expect(accepted == 0 && listener.isPaused)
        let deadline = MonotonicTime.now() + .seconds(10)
        while accepted == 0 && MonotonicTime.now() < deadline { loop.turn(longestWait: 100) }
        #expect(accepted == 1 && !listener.isPaused && listener.pausedCount == 1)
        _ = consume client
        listener.close(on: loop)
    }

    @Test func `refuses a port that is taken, with the address in the fault`() throws {
        let socket = try loopback()
        let fault = #expect(throws: Fault.self) { _ = try ListeningSocket(socket.address) }
        #expect(fault?.errno == EADDRINUSE)
        #expect(fault?.description.contains(socket.address.description) == true)
    }

    @Test func `replaces a dead Unix socket, refuses a living one, and cleans up`() throws {
        let path = temporaryPath()
        let address = SocketAddress.unix(path)
        do {
            let living = try ListeningSocket(address)
            #expect(throws: Fault.self) { _ = try ListeningSocket(address) }
            #expect(living.address == address)
        }
        #expect(unsafe access(path, F_OK) != 0)
        // What a killed process leaves: a path without a listener.
        do {
            let raw = try #require(RawAddress(address))
            let dead = try Socket.open(AF_UNIX, .internal)
            #expect(SystemCall.bind(dead.raw, raw) == 0)
        }
        #expect(unsafe access(path, F_OK) == 0)
        let successor = try ListeningSocket(address)
        #expect(successor.address == address)
    }

    @Test func `leaves a path alone that is not a socket`() throws {
        let path = temporaryPath()
        let file = unsafe fopen(path, "w")
        if let file = unsafe file { unsafe fclose(file) }
        #expect(throws: Fault.self) { _ = try ListeningSocket(.unix(path)) }
        #expect(unsafe access(path, F_OK) == 0)
        unsafe unlink(path)
    }

    @Test func `takes an inherited socket and refuses one that does not listen`() throws {
        let socket = try loopback()
        let inherited = try ListeningSocket(inherited: Descriptor(owning: dup(socket.raw)))
        #expect(inherited.address == socket.address)
        let (left, right) = socketPair()
        close(right)
        #expect(throws: Fault.self) { _ = try ListeningSocket(inherited: Descriptor(owning: left)) }
    }

    @Test func `a connection that nobody takes is a fault of the upstream`() throws {
        let loop = try Loop(name: "test")
        let free = try loopback().address
        let client = try Socket.connect(to: free)
        final class Probe: EventTarget {
            var seen: Readiness = []
            override func ready(_ readiness: Readiness, on loop: Loop) { seen.formUnion(readiness) }
        }
        let probe = Probe()
        try loop.add(fd: client.raw, probe)
        loop.turn(longestWait: 1000)
        #expect(probe.seen.contains(.error))
        #expect(Socket.connectFault(client) == Fault(.upstream, "connect", errno: ECONNREFUSED))
        loop.remove(fd: client.raw)
    }
}
