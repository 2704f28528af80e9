// SPDX-License-Identifier: Apache-2.0
import CNGHTTP2
import Wire

/// What nghttp2 tells while it reads and writes. Every function answers at once and never calls back into the reading or writing.
extension HTTP2Session {
    private static let goesOn: Int32 = 0
    private static let stop = NGHTTP2_ERR_CALLBACK_FAILURE.rawValue

    @unsafe
    static func install(_ callbacks: OpaquePointer?) {
        unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, context in
            guard let frame = unsafe frame else { return HTTP2Session.goesOn }
            return unsafe HTTP2Session.of(context).beganHeaders(frame.pointee)
        }
        unsafe nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _, frame, name, nameLength, value, valueLength, _, context in
            guard let frame = unsafe frame else { return HTTP2Session.goesOn }
            let name = unsafe UnsafeBufferPointer(start: name, count: nameLength)
            let value = unsafe UnsafeBufferPointer(start: value, count: valueLength)
            return unsafe HTTP2Session.of(context).field(name.span, value.span, of: frame.pointee)
        }
        // Without this nghttp2 leaves a bad field out, and the rest of the request passes.
        unsafe nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks) { _, _, _, _, _, _, _, _ in
            NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
        }
        unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, context in
            guard let frame = unsafe frame else { return HTTP2Session.goesOn }
            return unsafe HTTP2Session.of(context).received(frame.pointee)
        }
        unsafe nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks) { _, frame, _, context in
            guard let frame = unsafe frame else { return HTTP2Session.goesOn }
            if unsafe frame.pointee.hd.type == NGHTTP2_HEADERS.rawValue { unsafe HTTP2Session.of(context).malformed() }
            return HTTP2Session.goesOn
        }
        unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) {
            session, _, id, bytes, count, context in
            guard let stream = unsafe HTTP2Session.stream(session, id) else { return HTTP2Session.goesOn }
            let data = unsafe UnsafeBufferPointer(start: bytes, count: count)
            unsafe stream.takeData(data.span)
            unsafe HTTP2Session.of(context).touch(stream)
            return HTTP2Session.goesOn
        }
        unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, context in
            guard let frame = unsafe frame else { return HTTP2Session.goesOn }
            unsafe HTTP2Session.of(context).sent(frame.pointee)
            return HTTP2Session.goesOn
        }
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { session, id, _, context in
            if let stream = unsafe HTTP2Session.stream(session, id) { unsafe HTTP2Session.of(context).closed(stream) }
            return HTTP2Session.goesOn
        }
    }

    @unsafe
    private static func of(_ context: UnsafeMutableRawPointer?) -> HTTP2Session {
        guard let place = unsafe context?.assumingMemoryBound(to: Unmanaged<HTTP2Session>?.self),
            let own = unsafe place.pointee
        else { preconditionFailure("nghttp2 lost its session") }
        return unsafe own.takeUnretainedValue()
    }

    @unsafe
    private static func stream(_ session: OpaquePointer?, _ id: Int32) -> HTTP2Stream? {
        guard let place = unsafe nghttp2_session_get_stream_user_data(session, id) else { return nil }
        return unsafe Unmanaged<HTTP2Stream>.fromOpaque(place).takeUnretainedValue()
    }

    @unsafe
    private func stream(_ id: Int32) -> HTTP2Stream? { unsafe HTTP2Session.stream(session, id) }

    /// Counts one; the connection ends when that was one too many.
    private func count(_ kind: Flood) -> Int32 {
        if guardian.take(kind, now: now) { return HTTP2Session.goesOn }
        flood = kind
        return HTTP2Session.stop
    }

    private func malformed() { malformedRequests += 1 }

    @unsafe
    private func beganHeaders(_ frame: nghttp2_frame) -> Int32 {
        blockBytes = 0
        isInHeaders = true
        if unsafe frame.headers.cat != NGHTTP2_HCAT_REQUEST { return HTTP2Session.goesOn }
        let stream = unsafe HTTP2Stream(id: frame.hd.stream_id)
        text.reset()
        stream.index = freePlaces.popLast() ?? streams.count
        if stream.index == streams.count { streams.append(stream) } else { streams[stream.index] = stream }
        openStreams += 1
        _ = unsafe nghttp2_session_set_stream_user_data(
            session, stream.id, Unmanaged.passUnretained(stream).toOpaque())
        return HTTP2Session.goesOn
    }

    @unsafe
    private func field(_ name: Span<UInt8>, _ value: Span<UInt8>, of frame: nghttp2_frame) -> Int32 {
        blockBytes += name.count + value.count + 32
        if blockBytes > 4 * settings.headBytes + 65_536 { return count(.headerBomb) }
        guard let stream = unsafe stream(frame.hd.stream_id) else { return HTTP2Session.goesOn }
        if stream.hasHead {
            // Behind a declared length there is no place for them.
            if stream.framing == .chunked { stream.addTrailer(name, value, limit: settings.headBytes) }
        } else {
            text.add(name, value)
        }
        return HTTP2Session.goesOn
    }

    @unsafe
    private func received(_ frame: nghttp2_frame) -> Int32 {
        let header = unsafe frame.hd
        let ends = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        switch UInt32(header.type) {
        case NGHTTP2_HEADERS.rawValue:
            isInHeaders = false
            guard let stream = unsafe stream(header.stream_id) else { return HTTP2Session.goesOn }
            if !stream.hasHead { complete(stream, hasBody: !ends) }
            if ends { stream.endRequest() }
            touch(stream)
        case NGHTTP2_DATA.rawValue:
            if ends {
                guard let stream = unsafe stream(header.stream_id) else { return HTTP2Session.goesOn }
                stream.endRequest()
                touch(stream)
            } else if unsafe header.length == 0 || header.length <= frame.data.padlen {
                return count(.emptyData)
            }
        case NGHTTP2_PRIORITY.rawValue:
            let spec = unsafe frame.priority.pri_spec
            print.sawPriority(
                stream: header.stream_id, dependsOn: spec.stream_id, weight: spec.weight,
                isExclusive: spec.exclusive != 0)
            return count(.priorities)
        case NGHTTP2_RST_STREAM.rawValue: return count(.resets)
        case NGHTTP2_PING.rawValue: return count(.pings)
        case NGHTTP2_WINDOW_UPDATE.rawValue:
            if header.stream_id == 0 { unsafe print.sawWindowUpdate(frame.window_update.window_size_increment) }
            return count(.windowUpdates)
        case NGHTTP2_SETTINGS.rawValue:
            for index in 0..<(unsafe frame.settings.niv) {
                let entry = unsafe frame.settings.iv[index]
                print.sawSetting(entry.settings_id, entry.value, place: index)
            }
            print.sawEndOfSettings()
            return count(.settings)
        default: break
        }
        return HTTP2Session.goesOn
    }

    private func complete(_ stream: HTTP2Stream, hasBody: Bool) {
        stream.hasHead = true
        text.finish(into: &stream.request)
        stream.problem = text.problem
        stream.isHead = text.isHead
        // A declared length is read from the text by whoever reads the rest of it.
        stream.framing = text.hasLength ? .length(0) : hasBody ? .chunked : .none
        print.sawRequest(order: text.order)
    }

    @unsafe
    private func sent(_ frame: nghttp2_frame) {
        switch unsafe UInt32(frame.hd.type) {
        case NGHTTP2_HEADERS.rawValue, NGHTTP2_DATA.rawValue:
            // Who is sent much has to open windows, and may measure the way.
            guardian.give(.windowUpdates, 4)
            guardian.give(.pings)
            if unsafe frame.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) == 0 { return }
            guard let stream = unsafe stream(frame.hd.stream_id) else { return }
            guardian.give(.resets)
            stream.isDelivered = true
            touch(stream)
            if stream.requestEnded { return }
            // The answer does not need the rest of the request (RFC 9113 §8.1).
            _ = unsafe nghttp2_submit_rst_stream(
                session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, NGHTTP2_NO_ERROR.rawValue)
        case NGHTTP2_RST_STREAM.rawValue:
            // A peer can also make us reset its streams, with the same gain (CVE-2025-8671).
            if unsafe frame.rst_stream.error_code != NGHTTP2_NO_ERROR.rawValue && !guardian.take(.resets, now: now) {
                flood = .resets
            }
        default: break
        }
    }

    private func closed(_ stream: HTTP2Stream) {
        stream.isClosed = true
        pendingBytes -= stream.pendingBytes
        openStreams -= 1
        streams[stream.index] = nil
        freePlaces.append(stream.index)
        if stream.unacknowledged > 0 {
            _ = unsafe nghttp2_session_consume_connection(session, stream.unacknowledged)
            stream.unacknowledged = 0
        }
        touch(stream)
    }

    /// Body bytes of an answer, as many as the windows allow.
    @unsafe
    static let readData: nghttp2_data_source_read_callback = { session, id, room, limit, flags, source, context in
        guard let place = unsafe source?.pointee.ptr, let room = unsafe room, let flags = unsafe flags else {
            return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
        }
        let stream = unsafe Unmanaged<HTTP2Stream>.fromOpaque(place).takeUnretainedValue()
        let count = unsafe stream.moveData(into: UnsafeMutableRawBufferPointer(start: room, count: limit))
        unsafe HTTP2Session.of(context).pendingBytes -= count
        if stream.wantsRoom && stream.pendingBytes <= HTTP2Stream.lowWaterBytes {
            stream.wantsRoom = false
            unsafe HTTP2Session.of(context).touch(stream)
        }
        if stream.pendingBytes == 0 && stream.answerEnded {
            unsafe flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
            if !stream.trailers.isEmpty {
                unsafe flags.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
                unsafe HTTP2Session.of(context).submitTrailers(stream)
            }
        } else if count == 0 {
            stream.isDeferred = true
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        }
        return count
    }

    private func submitTrailers(_ stream: HTTP2Stream) {
        var text: [UInt8] = []
        for trailer in stream.trailers { text += trailer.name + trailer.value }
        unsafe text.withUnsafeMutableBufferPointer { memory in
            guard var place = memory.baseAddress else { return }
            var fields: [nghttp2_nv] = unsafe []
            for trailer in stream.trailers {
                let value = unsafe place + trailer.name.count
                unsafe fields.append(
                    nghttp2_nv(
                        name: place, value: value, namelen: trailer.name.count, valuelen: trailer.value.count,
                        flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue)))
                unsafe place = value + trailer.value.count
            }
            _ = unsafe nghttp2_submit_trailer(session, stream.id, fields, fields.count)
        }
    }
}
