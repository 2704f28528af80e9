// SPDX-License-Identifier: Apache-2.0
import COpenSSL
import Glibc

/// Certificates and rules of TLS for one listener or one upstream. Immutable after its creation and shared by all loops (OpenSSL locks
/// its session cache itself); a reload makes a new one, and sessions keep theirs alive.
@safe
public final class TLSContext: @unchecked Sendable {
    public enum Version: Sendable {
        // swift-format-ignore: AlwaysUseLowerCamelCase
        case v1_2, v1_3
    }
    public enum ClientVerification: Sendable { case none, optional, required }

    public struct KeyPair: Equatable, Sendable {
        public var certificatePath: String
        public var keyPath: String

        public init(certificatePath: String, keyPath: String) {
            self.certificatePath = certificatePath
            self.keyPath = keyPath
        }
    }

    /// AEAD with forward secrecy only (RFC 9325 §4.2). TLS 1.3 has nothing else.
    private static let ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20:!PSK:!aNULL"

    /// One per set of names. The first one takes clients that name nothing we know.
    private var contexts: [OpaquePointer] = unsafe []
    let method: OpaquePointer
    let isServer: Bool
    private let verifiesPeer: Bool
    /// The last session of each server that a client context spoke to, so that the next connection shakes hands shortly.
    private let sessions: TLSSessionCache?
    /// Accepted protocols as in the handshake: length, bytes, length, bytes.
    private var protocols: [UInt8] = []

    private init(isServer: Bool, verifiesPeer: Bool, alpn: [String]) throws(TLSProblem) {
        guard let method = unsafe COpenSSL_link_method() else { throw TLSProblem(nil, OpenSSL.takeReason()) }
        unsafe self.method = method
        self.isServer = isServer
        sessions = isServer ? nil : TLSSessionCache()
        self.verifiesPeer = verifiesPeer
        for name in alpn {
            let bytes = Array(name.utf8)
            precondition(!bytes.isEmpty && bytes.count < 256)
            protocols.append(UInt8(bytes.count))
            protocols += bytes
        }
    }

    deinit {
        for index in unsafe contexts.indices { unsafe SSL_CTX_free(contexts[index]) }
        unsafe BIO_meth_free(method)
    }

    var first: OpaquePointer { unsafe contexts[0] }

    // MARK: server

    /// A context for a listener. A problem names the file that is wrong. `old`: the context that this one replaces at a reload; its
    /// clients resume their sessions.
    public static func server(
        certificates: [KeyPair], minimumVersion: Version = .v1_2, clientCA: String? = nil,
        clientVerification: ClientVerification = .none, alpn: [String] = ["http/1.1"], replacing old: TLSContext? = nil
    ) throws(TLSProblem) -> TLSContext {
        if certificates.isEmpty { throw TLSProblem(nil, "TLS needs a certificate") }
        if clientVerification != .none && clientCA == nil {
            throw TLSProblem(nil, "client certificates are asked for, but there is no CA to check them")
        }
        let result = try TLSContext(isServer: true, verifiesPeer: clientVerification != .none, alpn: alpn)
        for pair in certificates { try result.add(pair, minimumVersion) }
        for index in unsafe result.contexts.indices {
            if let clientCA { try unsafe result.verifyClients(result.contexts[index], clientCA, clientVerification) }
        }
        result.installCallbacks()
        // Only with the same demands on clients, or a ticket would carry a client past a CA that is no longer trusted.
        if let old, clientVerification == .none, !old.verifiesPeer {
            _ = unsafe COpenSSL_inherit_ticket_keys(old.first, result.first)
        }
        return result
    }

    private static func make(_ method: OpaquePointer?, _ minimum: Version) throws(TLSProblem) -> OpaquePointer {
        guard let context = unsafe SSL_CTX_new(method) else { throw TLSProblem(nil, OpenSSL.takeReason()) }
        unsafe COpenSSL_prepare(context)
        _ = unsafe COpenSSL_set_minimum(context, minimum == .v1_3 ? TLS1_3_VERSION : TLS1_2_VERSION)
        _ = unsafe SSL_CTX_set_cipher_list(context, ciphers)
        // Resumption is refused between contexts with different identities; ours all belong to one listener.
        let identity: [UInt8] = Array("loginward".utf8)
        _ = unsafe SSL_CTX_set_session_id_context(context, identity, UInt32(identity.count))
        return unsafe context
    }

    private func add(_ pair: KeyPair, _ minimum: Version) throws(TLSProblem) {
        let context = unsafe try TLSContext.make(TLS_server_method(), minimum)
        do throws(TLSProblem) {
            try unsafe TLSContext.load(pair, into: context)
            if let partner = unsafe partner(of: context) {
                try unsafe TLSContext.load(pair, into: partner)
                unsafe SSL_CTX_free(context)
                return
            }
        } catch {
            unsafe SSL_CTX_free(context)
            throw error
        }
        unsafe contexts.append(context)
    }

    private static func load(_ pair: KeyPair, into context: OpaquePointer) throws(TLSProblem) {
        ERR_clear_error()
        if unsafe SSL_CTX_use_certificate_chain_file(context, pair.certificatePath) != 1 {
            throw fileProblem(pair.certificatePath, "is not a PEM certificate chain")
        }
        if unsafe SSL_CTX_use_PrivateKey_file(context, pair.keyPath, SSL_FILETYPE_PEM) != 1
            || SSL_CTX_check_private_key(context) != 1
        {
            let reason = OpenSSL.peekReason() & 0xfff
            if reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH
                || reason == SSL_R_NO_CERTIFICATE_ASSIGNED
            {
                ERR_clear_error()
                throw TLSProblem(pair.keyPath, "the key does not belong to the certificate \(pair.certificatePath)")
            }
            throw fileProblem(pair.keyPath, "is not a PEM private key")
        }
    }

    /// What keeps a file from being read, or `otherwise` with OpenSSL's reason.
    private static func fileProblem(_ path: String, _ otherwise: String) -> TLSProblem {
        let readable = unsafe access(path, R_OK) == 0
        let reason = OpenSSL.takeReason()
        if readable { return TLSProblem(path, "\(otherwise) (\(reason))") }
        return TLSProblem(path, Fault(.internal, "open", errno: errno).description)
    }

    /// The context that has the same names under another kind of key: clients then get the kind that they understand.
    private func partner(of context: OpaquePointer) -> OpaquePointer? {
        guard let certificate = unsafe SSL_CTX_get0_certificate(context) else { return nil }
        for index in unsafe contexts.indices {
            let other = unsafe contexts[index]
            guard let theirs = unsafe SSL_CTX_get0_certificate(other) else { continue }
            if unsafe COpenSSL_same_names(certificate, theirs) == 1
                && COpenSSL_key_type(certificate) != COpenSSL_key_type(theirs)
            {
                return unsafe other
            }
        }
        return nil
    }

    private func verifyClients(
        _ context: OpaquePointer, _ path: String, _ verification: ClientVerification
    ) throws(TLSProblem) {
        if unsafe SSL_CTX_load_verify_locations(context, path, nil) != 1 {
            throw TLSContext.fileProblem(path, "is not a list of PEM certificates")
        }
        guard let names = unsafe SSL_load_client_CA_file(path) else {
            throw TLSContext.fileProblem(path, "is not a list of PEM certificates")
        }
        unsafe SSL_CTX_set_client_CA_list(context, names)
        switch verification {
        case .none: break
        case .optional: unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        case .required:
            unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        }
    }

    /// OpenSSL gets a bare pointer to this object; sessions hold the object, so it is there whenever a callback runs.
    private func installCallbacks() {
        let own = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe COpenSSL_on_server_name(
            first,
            { ssl, _, argument in
                guard let ssl = unsafe ssl, let argument = unsafe argument else { return SSL_TLSEXT_ERR_NOACK }
                return unsafe Unmanaged<TLSContext>.fromOpaque(argument).takeUnretainedValue().pickCertificate(ssl)
            }, own)
        if protocols.isEmpty { return }
        // Both before and after the certificate is picked, so every context needs it.
        for index in unsafe contexts.indices {
            unsafe SSL_CTX_set_alpn_select_cb(
                contexts[index],
                { _, chosen, chosenLength, offered, offeredLength, argument in
                    guard let argument = unsafe argument, let offered = unsafe offered else {
                        return SSL_TLSEXT_ERR_ALERT_FATAL
                    }
                    let context = unsafe Unmanaged<TLSContext>.fromOpaque(argument).takeUnretainedValue()
                    let list = unsafe UnsafeBufferPointer(start: offered, count: Int(offeredLength))
                    guard let range = unsafe context.pickProtocol(list) else { return SSL_TLSEXT_ERR_ALERT_FATAL }
                    unsafe chosen?.pointee = offered + range.lowerBound
                    unsafe chosenLength?.pointee = UInt8(range.count)
                    return SSL_TLSEXT_ERR_OK
                }, own)
        }
    }

    private func pickCertificate(_ ssl: OpaquePointer) -> Int32 {
        guard let name = unsafe SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) else { return SSL_TLSEXT_ERR_NOACK }
        let length = unsafe strlen(name)
        // Exact names win over wildcards, whatever the order of the certificates.
        for flags in [UInt32(X509_CHECK_FLAG_NO_WILDCARDS), UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS)] {
            for index in unsafe contexts.indices {
                guard let certificate = unsafe SSL_CTX_get0_certificate(contexts[index]) else { continue }
                if unsafe X509_check_host(certificate, name, length, flags, nil) == 1 {
                    _ = unsafe SSL_set_SSL_CTX(ssl, contexts[index])
                    return SSL_TLSEXT_ERR_OK
                }
            }
        }
        return SSL_TLSEXT_ERR_NOACK
    }

    /// Where in the client's list the first of our protocols stands; nil: none does, which RFC 7301 §3.2 answers with an alert.
    private func pickProtocol(_ offered: UnsafeBufferPointer<UInt8>) -> Range<Int>? {
        var ours = 0
        while ours < protocols.count {
            let wanted = protocols[ours + 1...ours + Int(protocols[ours])]
            var place = 0
            while place < offered.count {
                let range = place + 1..<place + 1 + Int(unsafe offered[place])
                if range.upperBound > offered.count { return nil }
                if unsafe wanted.elementsEqual(offered[range]) { return range }
                place = range.upperBound
            }
            ours += 1 + wanted.count
        }
        return nil
    }

    // MARK: client

    /// A context for connections to servers. `caFile` nil: the system's. Without `verify` anybody can be the server.
    public static func client(
        caFile: String? = nil, verify: Bool = true, minimumVersion: Version = .v1_2, alpn: [String] = ["http/1.1"]
    ) throws(TLSProblem) -> TLSContext {
        let result = try TLSContext(isServer: false, verifiesPeer: verify, alpn: alpn)
        let context = unsafe try make(TLS_client_method(), minimumVersion)
        unsafe result.contexts.append(context)
        if let caFile {
            if unsafe SSL_CTX_load_verify_locations(context, caFile, nil) != 1 {
                throw fileProblem(caFile, "is not a list of PEM certificates")
            }
        } else if verify, unsafe SSL_CTX_set_default_verify_paths(context) != 1 {
            throw TLSProblem(nil, OpenSSL.takeReason())
        }
        unsafe SSL_CTX_set_verify(context, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
        unsafe COpenSSL_keep_sessions(context) { ssl, session in
            guard let ssl = unsafe ssl, let owner = unsafe COpenSSL_owner(ssl) else { return 0 }
            return unsafe Unmanaged<TLSSession>.fromOpaque(owner).takeUnretainedValue().keep(session) ? 1 : 0
        }
        if !result.protocols.isEmpty {
            _ = unsafe SSL_CTX_set_alpn_protos(context, result.protocols, UInt32(result.protocols.count))
        }
        return result
    }

    /// A session on an open descriptor, which must stay open as long as the session lives. `serverName`: what a client asks for and
    /// checks the server's certificate against, a host name or an address; servers leave it out.
    public func session(fd: Int32, serverName: String? = nil) throws(Fault) -> TLSSession {
        let session = try TLSSession(self, fd: fd)
        if let serverName, !isServer { try session.expect(serverName, verify: verifiesPeer, sessions) }
        return session
    }
}
