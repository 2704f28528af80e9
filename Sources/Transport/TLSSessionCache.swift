// SPDX-License-Identifier: Apache-2.0
import COpenSSL

/// The last TLS session of each upstream server, by name. Shared by the loops that use one client context; touched once per handshake.
@safe
final class TLSSessionCache: @unchecked Sendable {
    /// Server names come from the configuration; this only bounds a mistake.
    private static let largestCount = 1024

    /// A reference to an OpenSSL session, which counts its references itself.
    @safe
    private struct Reference: @unchecked Sendable {
        let session: OpaquePointer
    }

    private let references = Guarded<[String: Reference]>([:])

    deinit {
        references.withLock { all in
            for reference in all.values { unsafe SSL_SESSION_free(reference.session) }
        }
    }

    /// Takes over a reference to `session`. False: it was not taken.
    func keep(_ session: OpaquePointer, for name: String) -> Bool {
        let reference = unsafe Reference(session: session)
        let (old, taken): (Reference?, Bool) = references.withLock { all in
            if all[name] == nil && all.count >= TLSSessionCache.largestCount { return (nil, false) }
            return (all.updateValue(reference, forKey: name), true)
        }
        if let old { unsafe SSL_SESSION_free(old.session) }
        return taken
    }

    /// Lets a new connection to `name` begin where the last one was.
    func resume(_ ssl: OpaquePointer, for name: String) {
        references.withLock { all in
            if let reference = all[name] { _ = unsafe SSL_set_session(ssl, reference.session) }
        }
    }
}
