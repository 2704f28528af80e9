// SPDX-License-Identifier: Apache-2.0
import Wire

/// Writes one login event in its native form.
struct EventWriter {
    let event: LoginEvent
    private var isFirst = true

    init(event: LoginEvent) { self.event = event }

    mutating func write(to out: inout ByteBuffer) {
        out.append("{")
        text("\"id\":\"", event.texts.id, &out)
        name("\"time\":\"", &out)
        Timestamp.write(unixNanoseconds: event.unixNanoseconds, to: &out)
        out.append("\"")
        name("\"event\":\"", &out)
        event.appendName(to: &out)
        out.append("\"")
        text("\"service\":\"", event.texts.service, &out)
        text("\"route\":\"", event.texts.route, &out)
        writeUser(&out)
        writeHTTP(&out)
        writeFingerprint(&out)
        writeTLS(&out)
        open("\"verdict\":{", &out)
        name("\"action\":\"", &out)
        out.append(event.action.text)
        out.append("\"")
        text("\"rule\":\"", event.texts.rule, &out)
        text("\"reason\":\"", event.texts.reason, &out)
        close(&out)
        name("\"blocked\":", &out)
        out.append(event.isBlocked ? "true" : "false")
        writeTags(&out)
        name("\"duration_ms\":", &out)
        out.append(decimal: event.durationMicroseconds / 1_000)
        let rest = event.durationMicroseconds % 1_000
        out.append(46)
        out.append(UInt8(truncatingIfNeeded: 48 + rest / 100))
        out.append(UInt8(truncatingIfNeeded: 48 + rest / 10 % 10))
        out.append(UInt8(truncatingIfNeeded: 48 + rest % 10))
        text("\"request_id\":\"", event.texts.requestID, &out)
        out.append("}")
    }

    private mutating func writeUser(_ out: inout ByteBuffer) {
        if !event.hasLogin && event.texts.userID.isEmpty && event.exists == nil { return }
        open("\"usr\":{", &out)
        if event.hasLogin { string("\"login\":\"", event.texts.login, &out) }
        text("\"id\":\"", event.texts.userID, &out)
        if let exists = event.exists {
            name("\"exists\":", &out)
            out.append(exists ? "true" : "false")
        }
        close(&out)
    }

    private mutating func writeHTTP(_ out: inout ByteBuffer) {
        // Of what an application only reported there was no exchange to see.
        let wasSeen = !event.peer.isUnspecified
        if !wasSeen && event.client.isUnspecified && event.texts.userAgent.isEmpty { return }
        open("\"http\":{", &out)
        address("\"client_ip\":\"", event.client, &out)
        address("\"peer_ip\":\"", event.peer, &out)
        text("\"method\":\"", event.texts.method, &out)
        text("\"path\":\"", event.texts.path, &out)
        text("\"host\":\"", event.texts.host, &out)
        if wasSeen {
            name("\"version\":", &out)
            out.append("\"")
            out.append(event.version.text)
            out.append("\"")
        }
        if event.status > 0 {
            name("\"status_code\":", &out)
            out.append(decimal: UInt64(event.status))
        }
        text("\"user_agent\":\"", event.texts.userAgent, &out)
        writeHeaderNames(&out)
        close(&out)
    }

    private mutating func address(_ key: StaticString, _ address: IPAddress, _ out: inout ByteBuffer) {
        if address.isUnspecified { return }
        name(key, &out)
        address.write(to: &out)
        out.append("\"")
    }

    private mutating func writeHeaderNames(_ out: inout ByteBuffer) {
        if event.texts.headerNames.isEmpty { return }
        name("\"header_names\":", &out)
        out.append("[")
        let bytes = event.bytes
        let names = bytes.span.slice(event.texts.headerNames)
        var start = 0
        while start < names.count {
            let end = ByteSearch.find(10, in: names, from: start) ?? names.count
            out.append(start == 0 ? "\"" : ",\"")
            JSONWriter.escape(names.extracting(start..<end), into: &out)
            out.append("\"")
            start = end + 1
        }
        out.append("]")
    }

    private mutating func writeFingerprint(_ out: inout ByteBuffer) {
        let texts = event.texts
        // Where the head was seen these are there, whatever else is.
        if texts.fingerprintHTTP.isEmpty && texts.fingerprintHeader.isEmpty { return }
        open("\"fingerprint\":{", &out)
        text("\"http\":\"", texts.fingerprintHTTP, &out)
        text("\"header\":\"", texts.fingerprintHeader, &out)
        text("\"network\":\"", texts.fingerprintNetwork, &out)
        text("\"session\":\"", texts.fingerprintSession, &out)
        text("\"http2\":\"", texts.fingerprintHTTP2, &out)
        text("\"client\":\"", texts.fingerprintClient, &out)
        text("\"ja4\":\"", texts.fingerprintJA4, &out)
        text("\"ja3\":\"", texts.fingerprintJA3, &out)
        close(&out)
    }

    private mutating func writeTLS(_ out: inout ByteBuffer) {
        if event.texts.tlsVersion.isEmpty { return }
        open("\"tls\":{", &out)
        text("\"version\":\"", event.texts.tlsVersion, &out)
        text("\"cipher\":\"", event.texts.tlsCipher, &out)
        text("\"server_name\":\"", event.texts.tlsServerName, &out)
        close(&out)
    }

    private mutating func writeTags(_ out: inout ByteBuffer) {
        if event.tags.isEmpty && event.outcome != .unknown { return }
        open("\"tags\":{", &out)
        if event.outcome == .unknown {
            name("\"outcome\":", &out)
            out.append("\"unknown\"")
        }
        let bytes = event.bytes
        for index in event.tags.indices {
            out.append(isFirst ? "\"" : ",\"")
            isFirst = false
            JSONWriter.escape(bytes.span.slice(event.tags[index].name), into: &out)
            out.append("\":\"")
            JSONWriter.escape(bytes.span.slice(event.tags[index].value), into: &out)
            out.append("\"")
        }
        close(&out)
    }

    // MARK: Pieces

    /// A comma where one is due, then the key as it stands in the text, with what opens its value.
    @inline(__always)
    private mutating func name(_ key: StaticString, _ out: inout ByteBuffer) {
        if !isFirst { out.append(UInt8(ascii: ",")) }
        isFirst = false
        out.append(key)
    }

    @inline(__always)
    private mutating func open(_ key: StaticString, _ out: inout ByteBuffer) {
        name(key, &out)
        isFirst = true
    }

    private mutating func close(_ out: inout ByteBuffer) {
        out.append("}")
        isFirst = false
    }

    /// A text that is absent when empty.
    @inline(__always)
    private mutating func text(_ key: StaticString, _ range: ByteRange, _ out: inout ByteBuffer) {
        if !range.isEmpty { string(key, range, &out) }
    }

    @inline(__always)
    private mutating func string(_ key: StaticString, _ range: ByteRange, _ out: inout ByteBuffer) {
        name(key, &out)
        let bytes = event.bytes
        JSONWriter.escape(bytes.span.slice(range), into: &out)
        out.append("\"")
    }
}
