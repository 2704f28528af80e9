// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import Wire

@testable import Transport

func streams() -> (Int32, Int32) { socketPair() }

func text(_ buffer: borrowing ByteBuffer) -> String {
    var bytes: [UInt8] = []
    bytes.append(buffer.bytes)
    return String(decoding: bytes, as: UTF8.self)
}

@Suite struct StreamTests {
    @Test func `a short read clears readability without asking again`() {
        let (left, right) = socketPair()
        var here = Stream(descriptor: Descriptor(owning: left))
        var there = Stream(descriptor: Descriptor(owning: right))
        var out = ByteBuffer()
        out.append("hello")
        #expect(there.write(from: &out) == .moved(5))
        #expect(out.count == 0)
        var into = ByteBuffer()
        #expect(here.read(into: &into, limit: 1024) == .moved(5))
        #expect(here.isReadable == false)
        #expect(text(into) == "hello")
        #expect(here.read(into: &into, limit: 1024) == .wouldBlock)
    }

    @Test func `a full read stays readable, and the limit holds`() {
        let (left, right) = socketPair()
        var here = Stream(descriptor: Descriptor(owning: left))
        var there = Stream(descriptor: Descriptor(owning: right))
        var out = ByteBuffer()
        out.append("hello")
        _ = there.write(from: &out)
        var into = ByteBuffer()
        #expect(here.read(into: &into, limit: 3) == .moved(3))
        #expect(here.isReadable == true)
        #expect(into.count == 3)
        #expect(here.read(into: &into, limit: 3) == .moved(2))
        #expect(here.isReadable == false)
    }

    @Test func `an end that was noted before the last bytes were read is not lost`() {
        let (left, right) = socketPair()
        var here = Stream(descriptor: Descriptor(owning: left))
        do {
            var there = Stream(descriptor: Descriptor(owning: right))
            var out = ByteBuffer()
            out.append("bye")
            _ = there.write(from: &out)
        }
        here.note([.readable, .hangup])
        var into = ByteBuffer()
        #expect(here.read(into: &into, limit: 1024) == .moved(3))
        #expect(here.isReadable == true)
        #expect(here.read(into: &into, limit: 1024) == .endOfStream)
        #expect(here.isReadable == false)
    }

    @Test func `an end that comes after the bytes is found by its event`() throws {
        let loop = try Loop(name: "test")
        let (left, right) = socketPair()
        final class Reader: EventTarget {
            var stream: Stream
            var into = ByteBuffer()
            var ended = false
            init(_ raw: Int32) { stream = Stream(descriptor: Descriptor(owning: raw)) }
            override func ready(_ readiness: Readiness, on loop: Loop) {
                stream.note(readiness)
                while stream.isReadable {
                    if stream.read(into: &into, limit: 4096) == .endOfStream { ended = true }
                }
            }
        }
        let reader = Reader(left)
        try loop.add(fd: left, reader)
        do {
            var there = Stream(descriptor: Descriptor(owning: right))
            var out = ByteBuffer()
            out.append("x")
            _ = there.write(from: &out)
            loop.turn(longestWait: 1000)
            #expect(reader.into.count == 1 && !reader.ended)
        }
        loop.turn(longestWait: 1000)
        #expect(reader.ended)
        loop.remove(fd: left)
    }

    @Test func `a full socket stops writing until an event says that there is room`() {
        let (left, right) = socketPair()
        var here = Stream(descriptor: Descriptor(owning: left))
        var there = Stream(descriptor: Descriptor(owning: right))
        var out = ByteBuffer()
        for _ in 0..<200_000 { out.append("0123456789") }
        let total = out.count
        while here.isWritable { _ = here.write(from: &out) }
        #expect(out.count > 0)
        #expect(here.write(from: &out) == .wouldBlock)
        var into = ByteBuffer()
        var received = 0
        while received < total {
            there.note(.readable)
            while there.isReadable { _ = there.read(into: &into, limit: 65536) }
            received += into.count
            into.removeAll()
            here.note(.writable)
            while here.isWritable && !out.isEmpty { _ = here.write(from: &out) }
        }
        #expect(received == total)
    }

    @Test func `a broken peer is a fault of the stream's side and never a signal`() {
        let (left, right) = socketPair()
        var here = Stream(descriptor: Descriptor(owning: left), source: .upstream)
        close(right)
        var out = ByteBuffer()
        out.append("x")
        #expect(here.write(from: &out) == .failed(Fault(.upstream, "send", errno: EPIPE)))
        #expect(here.isWritable == false)
    }

    @Test func `shutting down the writing side still lets bytes in`() {
        let (left, right) = socketPair()
        var here = Stream(descriptor: Descriptor(owning: left))
        var there = Stream(descriptor: Descriptor(owning: right))
        here.shutdownWrite()
        var into = ByteBuffer()
        #expect(there.read(into: &into, limit: 10) == .endOfStream)
        var out = ByteBuffer()
        out.append("late")
        #expect(there.write(from: &out) == .moved(4))
        #expect(here.read(into: &into, limit: 10) == .moved(4))
    }
}
