// SPDX-License-Identifier: Apache-2.0
import COpenSSL
import Glibc
import Wire

/// One TLS connection over a descriptor that a `Stream` owns. Confined to that stream's loop.
@safe
public final class TLSSession {
    /// What one call came to.
    enum Step: Equatable {
        case moved(Int)
        case wantsRead, wantsWrite
        /// close_notify, or an end without it: HTTP's own framing tells whether something is missing.
        case ended
        case failed
    }

    private let ssl: OpaquePointer
    private let link: UnsafeMutablePointer<COpenSSL_link>
    private let context: TLSContext
    /// The handshake is over.
    public private(set) var isEstablished = false
    /// The peer ended without close_notify: a body that ends with the connection may be cut off.
    public private(set) var endedWithoutNotice = false
    private var isBroken = false
    private var reason: String?
    private var expectedName: String?
    private var cache: TLSSessionCache?
    /// What the client of a server's session looks like; nil before its first message.
    public private(set) var print: TLSPrint?

    init(_ context: TLSContext, fd: Int32) throws(Fault) {
        ERR_clear_error()
        guard let ssl = unsafe SSL_new(context.first) else {
            throw Fault(.internal, "tls session", detail: OpenSSL.takeReason())
        }
        unsafe self.ssl = ssl
        self.context = context
        unsafe link = .allocate(capacity: 1)
        unsafe link.initialize(
            to: COpenSSL_link(descriptor: fd, error: 0, can_read: 0, can_write: 0, hangup: 0, ended: 0))
        if unsafe COpenSSL_attach(ssl, context.method, link) != 1 {
            throw Fault(.internal, "tls session", detail: OpenSSL.takeReason())
        }
        if context.isServer { unsafe SSL_set_accept_state(ssl) } else { unsafe SSL_set_connect_state(ssl) }
        if context.isServer { hearHello() }
    }

    deinit {
        unsafe SSL_free(ssl)
        unsafe link.deallocate()
    }

    /// The whole message is needed: what OpenSSL's callback for the ClientHello shows is without the extensions that it does not know. After the
    /// first message nobody listens any more; a second one (HelloRetryRequest) is made to our wishes and says less of the client.
    private func hearHello() {
        let own = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe COpenSSL_hear_messages(
            ssl,
            { isOurs, _, type, bytes, count, ssl, owner in
                guard isOurs == 0, type == SSL3_RT_HANDSHAKE, let bytes = unsafe bytes, let ssl = unsafe ssl,
                    let owner = unsafe owner
                else { return }
                unsafe SSL_set_msg_callback(ssl, nil)
                let message = unsafe UnsafeRawBufferPointer(start: bytes, count: count)
                unsafe Unmanaged<TLSSession>.fromOpaque(owner).takeUnretainedValue().take(message)
            }, own)
    }

    private func take(_ message: UnsafeRawBufferPointer) {
        let bytes = unsafe Span<UInt8>(_bytes: message.bytes)
        print = ClientHello(bytes).map { TLSPrint($0) }
    }

    func expect(_ name: String, verify: Bool, _ cache: TLSSessionCache?) throws(Fault) {
        unsafe COpenSSL_set_owner(ssl, Unmanaged.passUnretained(self).toOpaque())
        expectedName = name
        self.cache = cache
        unsafe cache?.resume(ssl, for: name)
        // An address is checked as such, and not sent as a name (RFC 6066 §3).
        if unsafe X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1 { return }
        _ = unsafe COpenSSL_set_server_name(ssl, name)
        if !verify { return }
        unsafe SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
        if unsafe SSL_set1_host(ssl, name) != 1 {
            throw Fault(.internal, "tls session", detail: "bad server name \(name)")
        }
    }

    /// A session that OpenSSL offers for later; true when its reference was taken over.
    @unsafe
    func keep(_ session: OpaquePointer?) -> Bool {
        guard let session = unsafe session, let expectedName, let cache else { return false }
        return unsafe cache.keep(session, for: expectedName)
    }

    /// Takes an event in, as the stream does.
    func note(readable: Bool, writable: Bool, hangup: Bool) {
        if readable { unsafe link.pointee.can_read = 1 }
        if writable { unsafe link.pointee.can_write = 1 }
        if hangup { unsafe link.pointee.hangup = 1 }
    }

    func handshake() -> Step {
        if isEstablished { return .moved(0) }
        ERR_clear_error()
        let result = unsafe SSL_do_handshake(ssl)
        if result == 1 {
            isEstablished = true
            return .moved(0)
        }
        let step = step(after: result)
        if step == .ended {
            isBroken = true
            return .failed
        }
        return step
    }

    @unsafe
    func read(into room: UnsafeMutableRawBufferPointer) -> Step {
        ERR_clear_error()
        let result = unsafe SSL_read(ssl, room.baseAddress, Int32(clamping: room.count))
        return result > 0 ? .moved(Int(result)) : step(after: result)
    }

    /// After `wantsWrite` the next call must begin with the same bytes; more may follow them.
    @unsafe
    func write(_ bytes: UnsafeRawBufferPointer) -> Step {
        ERR_clear_error()
        let result = unsafe SSL_write(ssl, bytes.baseAddress, Int32(clamping: bytes.count))
        return result > 0 ? .moved(Int(result)) : step(after: result)
    }

    /// Sends close_notify without waiting for the peer's. A session that broke must not say anything any more.
    func sayGoodbye() {
        if !isEstablished || isBroken { return }
        ERR_clear_error()
        _ = unsafe SSL_shutdown(ssl)
        ERR_clear_error()
    }

    private func step(after result: Int32) -> Step {
        let error = unsafe SSL_get_error(ssl, result)
        switch error {
        case SSL_ERROR_WANT_READ: return .wantsRead
        case SSL_ERROR_WANT_WRITE: return .wantsWrite
        case SSL_ERROR_ZERO_RETURN: return .ended
        default:
            isBroken = true
            if unsafe link.pointee.ended != 0 && link.pointee.error == 0 {
                endedWithoutNotice = true
                reason = "the peer closed the connection"
                ERR_clear_error()
                return .ended
            }
            reason = OpenSSL.takeReason()
            return .failed
        }
    }

    /// What the last failure was, for the log.
    func fault(_ source: Fault.Source, _ operation: StaticString) -> Fault {
        let errno = unsafe link.pointee.error
        if errno != 0 { return Fault(source, operation, errno: errno) }
        let verification = unsafe SSL_get_verify_result(ssl)
        if verification != Int(X509_V_OK), let text = unsafe X509_verify_cert_error_string(verification) {
            return Fault(source, operation, detail: unsafe String(cString: text))
        }
        return Fault(source, operation, detail: reason)
    }

    // MARK: what was agreed

    /// "TLSv1.3".
    public var version: String { unsafe String(cString: SSL_get_version(ssl)) }

    /// OpenSSL's name of the cipher suite, nil before the handshake.
    public var cipher: String? {
        guard let cipher = unsafe SSL_get_current_cipher(ssl), let name = unsafe SSL_CIPHER_get_name(cipher) else {
            return nil
        }
        return unsafe String(cString: name)
    }

    /// The name that the client asked for, as sent.
    public var serverName: [UInt8]? {
        guard let name = unsafe SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) else { return nil }
        return unsafe Array(UnsafeRawBufferPointer(start: name, count: strlen(name)))
    }

    /// The protocol agreed by ALPN; empty when the client did not ask.
    public var alpn: [UInt8] {
        var bytes: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        unsafe SSL_get0_alpn_selected(ssl, &bytes, &count)
        return unsafe Array(UnsafeBufferPointer(start: bytes, count: Int(count)))
    }

    /// HTTP/2 was agreed by ALPN.
    public var speaksHTTP2: Bool { alpn == Array("h2".utf8) }

    /// The handshake continued an older session.
    public var isResumed: Bool { unsafe SSL_session_reused(ssl) == 1 }

    /// Subject of the verified peer certificate (RFC 2253), at most 1 KiB of it; nil when the peer showed none.
    public var peerCertificateSubject: [UInt8]? {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 1024) { room in
            let count = unsafe COpenSSL_peer_subject(ssl, room.baseAddress, Int32(room.count))
            return count > 0 ? unsafe room.prefix(Int(count)).map { UInt8(bitPattern: $0) } : nil
        }
    }
}
