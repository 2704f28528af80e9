// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@testable import HTTP2

@Suite struct HTTP2SessionTests {
    static func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8] = []) -> [UInt8] {
        let size = UInt32(payload.count)
        return [UInt8(size >> 16), UInt8(size >> 8 & 255), UInt8(size & 255), type, flags]
            + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: stream >> $0) } + payload
    }

    static func literal(_ name: String, _ value: String) -> [UInt8] {
        [0, UInt8(name.utf8.count)] + Array(name.utf8) + [UInt8(value.utf8.count)] + Array(value.utf8)
    }

    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4, 0, 0, [0, 3, 0, 0, 0, 9])
    /// GET, http, /, authority a.
    static let block: [UInt8] = [0x82, 0x86, 0x84] + literal(":authority", "a")

    static func session(_ bytes: [UInt8], piece: Int = .max) -> HTTP2Session {
        let session = HTTP2Session(settings: .init(), now: 0)
        var place = 0
        while place < bytes.count {
            let end = min(bytes.count, place + min(piece, bytes.count))
            session.receive(Array(bytes[place..<end]).span, now: 0)
            place = end
        }
        return session
    }

    static func text(_ session: HTTP2Session, _ stream: HTTP2Stream) -> String {
        var buffer = ByteBuffer()
        _ = session.take(stream, into: &buffer)
        var bytes: [UInt8] = []
        bytes.append(buffer)
        return String(decoding: bytes, as: UTF8.self)
    }

    static func frames(_ session: HTTP2Session) -> [(type: UInt8, flags: UInt8, stream: Int, payload: [UInt8])] {
        var buffer = ByteBuffer()
        session.produce(into: &buffer, limit: 1 << 20)
        var bytes: [UInt8] = []
        bytes.append(buffer)
        var found: [(type: UInt8, flags: UInt8, stream: Int, payload: [UInt8])] = []
        while bytes.count >= 9 {
            let size = Int(bytes[0]) << 16 | Int(bytes[1]) << 8 | Int(bytes[2])
            found.append((bytes[3], bytes[4], Int(bytes[7]) << 8 | Int(bytes[8]), Array(bytes[9..<9 + size])))
            bytes.removeFirst(9 + size)
        }
        return found
    }

    @Test(arguments: [1, 2, 7, 1_000]) func `gives a stream for a request, in whatever pieces it comes`(piece: Int)
        throws
    {
        let session = Self.session(Self.preface + Self.frame(1, 5, 1, Self.block), piece: piece)
        let stream = try #require(session.nextTouched())
        #expect(session.nextTouched() == nil)
        #expect(stream.hasHead && stream.requestEnded && stream.problem == nil && stream.framing == .none)
        #expect(Self.text(session, stream) == "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(session.openStreams == 1)
    }

    @Test func `cuts a body without length into chunks, with its trailers`() throws {
        let session = Self.session(
            Self.preface + Self.frame(1, 4, 1, [0x83] + Self.block.dropFirst())
                + Self.frame(0, 0, 1, Array("hello".utf8)) + Self.frame(1, 5, 1, Self.literal("x-sum", "5")))
        let stream = try #require(session.nextTouched())
        #expect(stream.framing == .chunked)
        #expect(
            Self.text(session, stream)
                == "POST / HTTP/1.1\r\nHost: a\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 5\r\n\r\n")
    }

    @Test func `leaves a body with a length as it is`() throws {
        let session = Self.session(
            Self.preface + Self.frame(1, 4, 1, [0x83] + Self.block.dropFirst() + Self.literal("content-length", "5"))
                + Self.frame(0, 1, 1, Array("hello".utf8)))
        let stream = try #require(session.nextTouched())
        #expect(Self.text(session, stream).hasSuffix("content-length: 5\r\n\r\nhello"))
    }

    @Test func `gives no window before the body was taken`() throws {
        let body = (0..<3).flatMap { _ in Self.frame(0, 0, 1, [UInt8](repeating: 1, count: 16_384)) }
        let session = Self.session(Self.preface + Self.frame(1, 4, 1, [0x83] + Self.block.dropFirst()) + body)
        let before = Self.frames(session).filter { $0.type == 8 && $0.stream == 1 }
        #expect(before.isEmpty)
        let stream = try #require(session.nextTouched())
        _ = Self.text(session, stream)
        #expect(!Self.frames(session).filter { $0.type == 8 && $0.stream == 1 }.isEmpty)
    }

    @Test func `sends an answer with its body and trailers`() throws {
        let session = Self.session(Self.preface + Self.frame(1, 5, 1, Self.block))
        let stream = try #require(session.nextTouched())
        var head = ResponseHead()
        var progress = HeadProgress()
        let text = Array("HTTP/1.1 200 OK\r\nX-A: b\r\nConnection: close\r\n\r\n".utf8)
        _ = try HeadParser.parseResponse(text.span, limits: HeadLimits(), progress: &progress, into: &head)
        session.answer(stream, head, text.span, endsHere: false)
        session.append(Array("hello".utf8).span, to: stream)
        session.endAnswer(stream, trailers: [(Array("x-sum".utf8), Array("5".utf8))])
        let frames = Self.frames(session).filter { $0.stream == 1 }
        #expect(frames.map(\.type) == [1, 0, 1])
        #expect(frames[1].payload == Array("hello".utf8))
        #expect(frames[2].flags & 1 == 1)
        #expect(session.nextTouched()?.isDelivered == true)
        #expect(session.openStreams == 0)
    }

    @Test func `refuses a stream whose number was left out`() {
        let session = Self.session(
            Self.preface + Self.frame(1, 5, 5, Self.block) + Self.frame(1, 5, 3, Self.block))
        #expect(Self.frames(session).last?.type == 7)
        #expect(session.isOver)
    }

    @Test func `ends with a word when there is too much of one kind`() {
        let session = Self.session(
            Self.preface + (0..<200).flatMap { _ in Self.frame(6, 0, 0, [UInt8](repeating: 0, count: 8)) })
        #expect(session.flood == .pings)
        let last = Self.frames(session).last
        #expect(last?.type == 7 && last?.payload.last == 11)
        #expect(session.isOver)
    }

    @Test func `remembers what its client looks like`() {
        let session = Self.session(
            Self.preface + Self.frame(8, 0, 0, [0, 0, 1, 0]) + Self.frame(2, 0, 3, [0x80, 0, 0, 1, 9])
                + Self.frame(1, 5, 1, Self.block) + Self.frame(2, 0, 5, [0, 0, 0, 1, 9]))
        #expect(String(decoding: session.print.text, as: UTF8.self) == "3:9|256|3:1:1:10|m,s,p,a")
    }

    @Test func `an end that is announced serves what stands`() throws {
        let session = Self.session(Self.preface + Self.frame(1, 5, 1, Self.block))
        session.end()
        #expect(Self.frames(session).contains { $0.type == 7 && $0.payload.prefix(4) == [0, 0, 0, 1] })
        #expect(session.openStreams == 1)
        session.receive(Self.frame(1, 5, 3, Self.block).span, now: 0)
        #expect(session.openStreams == 1)
    }
}
