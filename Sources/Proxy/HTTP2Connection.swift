// SPDX-License-Identifier: Apache-2.0
import HTTP2
import Transport
import Wire

/// The streams of one client connection that speaks HTTP/2, each carried by a downstream of its own; those are used again for later
/// streams. Owned by the downstream that holds the socket; confined to its loop.
final class HTTP2Connection {
    let session: HTTP2Session
    private unowned let owner: Downstream
    private var members: [Downstream?] = []
    private var freePlaces: [Int] = []
    /// Members without a stream.
    private var spare: [Downstream] = []
    /// The head of an answer that is on its way from text to a stream.
    private(set) var head = ResponseHead()
    private var countedMalformed = 0
    private var hasCountedFlood = false
    /// The final GOAWAY is out.
    private(set) var isEnding = false

    init(owner: Downstream) {
        self.owner = owner
        var settings = HTTP2Session.Settings()
        settings.headBytes = owner.worker.policy.limits.head.headBytes
        settings.streams = owner.worker.policy.limits.http2Streams
        session = HTTP2Session(settings: settings, now: owner.worker.loop.now.nanoseconds)
    }

    var tls: TLSSession? { owner.stream.tls }

    /// No request is open.
    var isIdle: Bool { session.openStreams == 0 }

    // MARK: Requests

    /// Takes what the socket brought.
    func receive(_ bytes: borrowing ByteBuffer) {
        session.receive(bytes.bytes, now: owner.worker.loop.now.nanoseconds)
        serve()
        noteCounts()
    }

    /// Lets every stream on which something happened go on.
    func serve() {
        while owner.phase != .closed, let stream = session.nextTouched() {
            if let place = stream.place {
                guard let member = members[place] else { continue }
                if stream.isClosed && !stream.isDelivered { member.abort() } else { member.advance() }
            } else if stream.hasHead && !stream.isTaken && !stream.isClosed {
                begin(stream)
            }
        }
    }

    private func begin(_ stream: HTTP2Stream) {
        let member = spare.popLast() ?? makeMember()
        guard let carrier = member.carrier else { return }
        carrier.take(stream)
        owner.worker.counters.http2Streams += 1
        owner.servedRequests += 1
        if owner.isWornOut { owner.drain() }
        member.advance()
    }

    private func makeMember() -> Downstream {
        let place = freePlaces.popLast() ?? members.count
        if place == members.count { members.append(nil) }
        let member = Downstream(carrier: Carrier(connection: self, place: place), of: owner)
        members[place] = member
        return member
    }

    private func noteCounts() {
        owner.worker.counters.http2Malformed += UInt64(session.malformedRequests - countedMalformed)
        countedMalformed = session.malformedRequests
        if let flood = session.flood, !hasCountedFlood {
            hasCountedFlood = true
            owner.worker.counters.countFlood(flood)
        }
    }

    // MARK: Answers

    func readHead(
        _ text: borrowing ByteBuffer, _ limits: HeadLimits, _ progress: inout HeadProgress
    ) throws(HeadError) -> Bool {
        try HeadParser.parseResponse(in: text, limits: limits, progress: &progress, into: &head)
    }

    func framing(_ text: borrowing ByteBuffer, isHead: Bool) throws(HeadError) -> BodyFraming {
        try BodyFraming.response(head, text.bytes, to: isHead ? .head : .get)
    }

    func answer(_ stream: HTTP2Stream, _ text: borrowing ByteBuffer, endsHere: Bool) {
        session.answer(stream, head, text.bytes, endsHere: endsHere)
        owner.planMultiplexed()
    }

    func append(_ text: borrowing ByteBuffer, _ range: ByteRange, to stream: HTTP2Stream) {
        session.append(text.bytes.slice(range), to: stream)
        owner.planMultiplexed()
    }

    /// A member took bytes of a request: the client may send more.
    func tookRequest() { owner.planMultiplexed() }

    func produce(into output: inout ByteBuffer) {
        session.produce(into: &output, limit: Worker.highWaterBytes)
        noteCounts()
    }

    // MARK: Ends

    /// The member's exchange is over and its answer is framed: it is free for another stream.
    func finished(_ member: Downstream, _ carrier: Carrier) {
        carrier.letGo()
        spare.append(member)
    }

    /// The member is gone. What its client has is not whole unless it was delivered.
    func dropped(_ carrier: Carrier) {
        if let stream = carrier.stream, !stream.isDelivered { session.reset(stream) }
        spare.removeAll { $0.carrier === carrier }
        carrier.letGo()
        members[carrier.place] = nil
        freePlaces.append(carrier.place)
        owner.planMultiplexed()
    }

    func announceEnd() {
        session.announceEnd()
        owner.planMultiplexed()
    }

    /// Streams that stand are served to their end, no others.
    func end() {
        isEnding = true
        session.end()
        owner.planMultiplexed()
    }

    /// The socket is gone.
    func close() {
        for member in members { member?.abort() }
        members.removeAll()
        spare.removeAll()
    }
}
