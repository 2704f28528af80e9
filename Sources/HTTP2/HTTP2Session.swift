// SPDX-License-Identifier: Apache-2.0
import CNGHTTP2
public import Wire

/// The protocol of one HTTP/2 connection, server side (RFC 9113): frames in, streams out, and back. Owns no descriptor: bytes and time
/// are arguments. The only owner of nghttp2. Confined to the loop of its connection.
@safe
public final class HTTP2Session {
    /// What it allows its peer.
    public struct Settings: Sendable {
        /// Streams that may be open at once.
        public var streams = 100
        /// Bytes of one header list, names and values.
        public var headBytes = 32 * 1024
        /// Bytes of a body that may be on their way: of one stream, of all together.
        public var streamWindow = 128 * 1024
        public var connectionWindow = 1024 * 1024

        public init() {}
    }

    /// What opens a connection without ALPN (RFC 9113 §3.4).
    public static let preface: StaticString = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

    /// `bytes` begin as the preface does, as far as they go.
    public static func mayBePreface(_ bytes: borrowing ByteBuffer) -> Bool {
        let count = min(bytes.count, preface.utf8CodeUnitCount)
        for index in 0..<count where bytes.bytes[index] != (unsafe preface.utf8Start[index]) { return false }
        return count > 0
    }

    let session: OpaquePointer
    let settings: Settings
    var streams: [HTTP2Stream?] = []
    var freePlaces: [Int] = []
    private var touched: [HTTP2Stream] = []
    private var nextPlace = 0
    var guardian: FloodGuard
    private var walk: FrameWalk
    /// The request whose header block is read.
    var text: RequestText
    /// Body bytes of all answers that wait for windows.
    public internal(set) var pendingBytes = 0
    var now: UInt64
    private var fields: [nghttp2_nv] = unsafe []
    private let statusText: UnsafeMutablePointer<UInt8>
    var blockBytes = 0
    /// A frame that ends the connection after nghttp2 gave it up.
    private var lastWords = ByteBuffer()
    /// The peer is cut off: it sent too much, or what is no HTTP/2 at all.
    public private(set) var isBroken = false
    private var isEnding = false

    /// A header block has begun and is not complete.
    public internal(set) var isInHeaders = false
    public internal(set) var openStreams = 0
    /// What the peer sent too much of.
    public internal(set) var flood: Flood?
    /// Requests that were refused as malformed without being passed on, since the last look.
    public internal(set) var malformedRequests = 0
    public internal(set) var print = HTTP2Print()

    public init(settings: Settings, now: UInt64) {
        self.settings = settings
        self.now = now
        guardian = FloodGuard(now: now)
        text = RequestText(limit: settings.headBytes)
        walk = FrameWalk(continuations: 16 + settings.headBytes / 8_192)
        unsafe statusText = .allocate(capacity: 3)
        var made: OpaquePointer?
        var options: OpaquePointer?
        var callbacks: OpaquePointer?
        precondition(
            unsafe nghttp2_option_new(&options) == 0 && nghttp2_session_callbacks_new(&callbacks) == 0,
            "no memory for a session")
        unsafe nghttp2_option_set_no_auto_window_update(options, 1)
        unsafe nghttp2_option_set_no_closed_streams(options, 1)
        unsafe nghttp2_option_set_max_outbound_ack(options, 200)
        // Ours is the narrower one, and says what it is.
        unsafe nghttp2_option_set_max_continuations(options, 1 << 20)
        // An answer's head is bounded by the policy.
        unsafe nghttp2_option_set_max_send_header_block_length(options, 1 << 22)
        unsafe HTTP2Session.install(callbacks)
        // The session may call back with this object only; it is told of its address once it stands.
        let context = UnsafeMutablePointer<Unmanaged<HTTP2Session>?>.allocate(capacity: 1)
        unsafe context.initialize(to: nil)
        unsafe self.context = context
        precondition(
            unsafe nghttp2_session_server_new2(&made, callbacks, context, options) == 0, "no memory for a session")
        unsafe nghttp2_option_del(options)
        unsafe nghttp2_session_callbacks_del(callbacks)
        guard let made = unsafe made else { preconditionFailure("no memory for a session") }
        unsafe session = made
        unsafe context.pointee = Unmanaged.passUnretained(self)
        begin()
    }

    private let context: UnsafeMutablePointer<Unmanaged<HTTP2Session>?>

    deinit {
        unsafe nghttp2_session_del(session)
        unsafe context.deallocate()
        unsafe statusText.deallocate()
    }

    private func begin() {
        let entries = [
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue), value: UInt32(settings.streams)),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue),
                value: UInt32(settings.streamWindow)),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue), value: UInt32(settings.headBytes)),
        ]
        _ = unsafe nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), entries, entries.count)
        _ = unsafe nghttp2_session_set_local_window_size(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, Int32(settings.connectionWindow))
    }

    // MARK: Bytes

    /// Takes bytes of the peer. What came of them stands in the streams that `nextTouched` gives. `now`: nanoseconds, never back.
    public func receive(_ bytes: Span<UInt8>, now: UInt64) {
        self.now = now
        if isBroken { return }
        switch walk.pass(bytes, guardian: &guardian, now: now) {
        case .nothing: break
        case .tooMany(let kind):
            flood = kind
            giveUp(NGHTTP2_ENHANCE_YOUR_CALM)
            return
        case .backwards:
            giveUp(NGHTTP2_PROTOCOL_ERROR)
            return
        }
        let result = unsafe bytes.withUnsafeBufferPointer {
            unsafe nghttp2_session_mem_recv(session, $0.baseAddress, $0.count)
        }
        if result >= 0 { return }
        if result == Int(NGHTTP2_ERR_FLOODED.rawValue) && flood == nil {
            flood = .acknowledgements
        }
        giveUp(flood == nil ? NGHTTP2_PROTOCOL_ERROR : NGHTTP2_ENHANCE_YOUR_CALM)
    }

    /// nghttp2 cannot be asked any more: the last frame is written by hand (RFC 9113 §6.8).
    private func giveUp(_ code: nghttp2_error_code) {
        isBroken = true
        let last = UInt32(max(0, unsafe nghttp2_session_get_last_proc_stream_id(session)))
        for byte: UInt8 in [0, 0, 8, 7, 0, 0, 0, 0, 0] { lastWords.append(byte) }
        for word in [last, code.rawValue] {
            for shift in [UInt32(24), 16, 8, 0] { lastWords.append(UInt8(truncatingIfNeeded: word >> shift)) }
        }
        for stream in streams {
            guard let stream else { continue }
            stream.isClosed = true
            touch(stream)
        }
    }

    /// Appends frames for the peer until `output` holds `limit` bytes or there is nothing to send.
    public func produce(into output: inout ByteBuffer, limit: Int) {
        if isBroken {
            output.append(lastWords.bytes)
            lastWords.removeAll()
            return
        }
        while output.count < limit {
            var bytes: UnsafePointer<UInt8>?
            let count = unsafe nghttp2_session_mem_send(session, &bytes)
            if count <= 0 { break }
            let frame = unsafe UnsafeBufferPointer(start: bytes, count: count)
            unsafe output.append(frame.span)
        }
        if flood != nil && !isBroken { giveUp(NGHTTP2_ENHANCE_YOUR_CALM) }
    }

    /// Nothing more will be read or sent.
    public var isOver: Bool {
        if isBroken { return lastWords.isEmpty }
        return unsafe nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0
    }

    /// A stream on which something happened: a request came, more of it, its end; room for its answer; the stream's end.
    public func nextTouched() -> HTTP2Stream? {
        if nextPlace == touched.count {
            touched.removeAll(keepingCapacity: true)
            nextPlace = 0
            return nil
        }
        let stream = touched[nextPlace]
        nextPlace += 1
        stream.isTouched = false
        return stream
    }

    func touch(_ stream: HTTP2Stream) {
        if stream.isTouched { return }
        stream.isTouched = true
        touched.append(stream)
    }

    // MARK: End

    /// No new streams after those that are on their way: the peer is told so, twice with a round trip between (RFC 9113 §6.8).
    public func announceEnd() { if !isBroken { _ = unsafe nghttp2_submit_shutdown_notice(session) } }

    /// The streams that stand are served, others are refused; with the last one the session is over.
    public func end() {
        if isBroken || isEnding { return }
        isEnding = true
        let last = unsafe nghttp2_session_get_last_proc_stream_id(session)
        _ = unsafe nghttp2_submit_goaway(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, NGHTTP2_NO_ERROR.rawValue, nil, 0)
    }

    // MARK: Requests

    /// Moves what came of a request into `buffer` and gives the peer new window for it. False: nothing is there.
    public func take(_ stream: HTTP2Stream, into buffer: inout ByteBuffer) -> Bool {
        if !stream.take(into: &buffer) { return false }
        let count = stream.unacknowledged
        stream.unacknowledged = 0
        if count > 0 && !isBroken && !stream.isClosed {
            _ = unsafe nghttp2_session_consume(session, stream.id, count)
        }
        return true
    }

    // MARK: Answers

    /// Begins the answer, or sends an informational one (status below 200). Hop-by-hop fields are left out.
    public func answer(
        _ stream: HTTP2Stream, _ head: borrowing ResponseHead, _ bytes: Span<UInt8>, endsHere: Bool
    ) {
        if isBroken || stream.isClosed { return }
        unsafe bytes.withUnsafeBufferPointer { unsafe submit(stream, head, $0, endsHere: endsHere) }
    }

    private func submit(
        _ stream: HTTP2Stream, _ head: borrowing ResponseHead, _ bytes: UnsafeBufferPointer<UInt8>, endsHere: Bool
    ) {
        guard let base = bytes.baseAddress else { return }
        let memory = unsafe UnsafeMutablePointer(mutating: base)
        unsafe fields.removeAll(keepingCapacity: true)
        let status = head.status
        unsafe statusText[0] = UInt8(truncatingIfNeeded: 48 + status / 100 % 10)
        unsafe statusText[1] = UInt8(truncatingIfNeeded: 48 + status / 10 % 10)
        unsafe statusText[2] = UInt8(truncatingIfNeeded: 48 + status % 10)
        let name: StaticString = ":status"
        unsafe fields.append(
            nghttp2_nv(
                name: UnsafeMutablePointer(mutating: name.utf8Start), value: statusText, namelen: 7, valuelen: 3,
                flags: UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue)))
        for index in head.fields.indices {
            let field = head.fields[index]
            var flags = UInt8(NGHTTP2_NV_FLAG_NONE.rawValue)
            switch field.known {
            case .connection, .transferEncoding, .keepAlive, .proxyConnection, .upgrade, .te: continue
            // What is secret to one client stays out of the table that its neighbours' guesses are compressed with (RFC 7541 §7.1).
            case .setCookie, .authorization: flags = UInt8(NGHTTP2_NV_FLAG_NO_INDEX.rawValue)
            default: break
            }
            unsafe fields.append(
                nghttp2_nv(
                    name: memory + Int(field.name.start), value: memory + Int(field.value.start),
                    namelen: field.name.count, valuelen: field.value.count, flags: flags))
        }
        let none = UInt8(NGHTTP2_FLAG_NONE.rawValue)
        if status < 200 {
            _ = unsafe nghttp2_submit_headers(session, none, stream.id, nil, fields, fields.count, nil)
            return
        }
        stream.hasFinalHead = true
        if endsHere {
            stream.answerEnded = true
            _ = unsafe nghttp2_submit_response(session, stream.id, fields, fields.count, nil)
            return
        }
        var provider = unsafe nghttp2_data_provider()
        unsafe provider.source.ptr = Unmanaged.passUnretained(stream).toOpaque()
        unsafe provider.read_callback = HTTP2Session.readData
        _ = unsafe nghttp2_submit_response(session, stream.id, fields, fields.count, &provider)
    }

    /// Adds body bytes to the answer. They wait here for the peer's window: whoever adds them looks at `pendingBytes` before.
    public func append(_ bytes: Span<UInt8>, to stream: HTTP2Stream) {
        if isBroken || stream.isClosed { return }
        stream.data.append(bytes)
        pendingBytes += bytes.count
        resume(stream)
    }

    /// The answer is complete.
    public func endAnswer(_ stream: HTTP2Stream, trailers: [(name: [UInt8], value: [UInt8])]) {
        if stream.answerEnded { return }
        stream.answerEnded = true
        stream.trailers = trailers
        resume(stream)
    }

    /// Breaks the stream off: what the peer has is not whole, or nobody wants the rest of its request.
    public func reset(_ stream: HTTP2Stream, isRefused: Bool = false) {
        if isBroken || stream.isClosed { return }
        let code = isRefused ? NGHTTP2_REFUSED_STREAM : NGHTTP2_INTERNAL_ERROR
        _ = unsafe nghttp2_submit_rst_stream(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, code.rawValue)
    }

    private func resume(_ stream: HTTP2Stream) {
        if !stream.isDeferred || isBroken || stream.isClosed { return }
        stream.isDeferred = false
        _ = unsafe nghttp2_session_resume_data(session, stream.id)
    }
}
