// SPDX-License-Identifier: Apache-2.0
public import Wire

/// One request and its answer on an HTTP/2 connection: what came and was not taken yet, what waits to be sent. Owned by its session,
/// held also by whoever answers it. Confined to the loop of the connection.
@safe
public final class HTTP2Stream {
    /// Whoever writes the answer is asked for more when so little of it waits.
    static let lowWaterBytes = 32 * 1024

    public let id: Int32
    /// The place of whoever answers it, nil for nobody. Belongs to the owner of the session.
    public var place: Int?
    /// Somebody has or had it.
    public var isTaken = false

    // Request.
    /// The request as text of HTTP/1.1: its head, then its body in its framing.
    var request = ByteBuffer()
    /// Bytes of DATA that stand in `request`, for which the peer gets no new window before they are taken.
    var unacknowledged = 0
    var trailerLines = ByteBuffer()
    public internal(set) var hasHead = false
    /// How the body in the request's text is framed.
    public internal(set) var framing = BodyFraming.none
    public internal(set) var requestEnded = false
    /// The request is refused with this.
    public internal(set) var problem: HeadError?
    public internal(set) var isHead = false
    var bodyBytes: UInt64 = 0

    // Answer.
    /// Body bytes that were not framed yet.
    var data = ByteBuffer()
    /// `name: value` lines of the answer's trailer section, and where the fields stand.
    var trailers: [(name: [UInt8], value: [UInt8])] = []
    public internal(set) var hasFinalHead = false
    /// Nothing will be added to the answer.
    public internal(set) var answerEnded = false
    var isDeferred = false
    /// Whoever writes the answer waits until less of it does.
    public var wantsRoom = false
    var deliveredBytes = 0
    /// The end of the answer is framed.
    public internal(set) var isDelivered = false

    /// The stream is over on both sides; nothing more can be sent or received.
    public internal(set) var isClosed = false
    var index = 0
    var isTouched = false

    init(id: Int32) { self.id = id }

    /// Body bytes that wait for the peer's window.
    public var pendingBytes: Int { data.count }

    /// Bytes framed since the last call.
    public func takeDelivered() -> Int {
        let count = deliveredBytes
        deliveredBytes = 0
        return count
    }

    /// Takes what came of the request over, with the window that it held. False: nothing is there.
    func take(into buffer: inout ByteBuffer) -> Bool {
        if request.isEmpty { return false }
        if buffer.isEmpty {
            swap(&buffer, &request)
        } else {
            buffer.append(request.bytes)
        }
        request.removeAll()
        return true
    }

    /// A trailer field of the request. What does not fit or could be more than one field is left out, as trailer fields may be.
    func addTrailer(_ name: Span<UInt8>, _ value: Span<UInt8>, limit: Int) {
        let fits = trailerLines.count + name.count + value.count + 4 <= limit
        if !fits || name.isEmpty || name[0] == UInt8(ascii: ":") { return }
        if ByteScan.endOfValue(value, from: 0) != value.count || ByteScan.endOfName(name, from: 0) != name.count {
            return
        }
        HeadWriter.field(name, value, to: &trailerLines)
    }

    /// Moves waiting body bytes out, as many as fit.
    @unsafe
    func moveData(into room: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(room.count, data.count)
        if count == 0 { return 0 }
        unsafe data.withReadable { waiting in
            unsafe room.copyMemory(from: UnsafeRawBufferPointer(rebasing: waiting[..<count]))
        }
        data.consume(count)
        deliveredBytes += count
        return count
    }

    func takeData(_ bytes: Span<UInt8>) {
        unacknowledged += bytes.count
        bodyBytes += UInt64(bytes.count)
        if framing == .chunked { HeadWriter.chunk(bytes, to: &request) } else { request.append(bytes) }
    }

    func endRequest() {
        if requestEnded { return }
        requestEnded = true
        if framing != .chunked { return }
        request.append("0\r\n")
        request.append(trailerLines.bytes)
        request.append("\r\n")
    }
}
