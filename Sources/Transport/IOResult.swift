// SPDX-License-Identifier: Apache-2.0

/// What came of one read or write of a `Stream`.
public enum IOResult: Equatable, Sendable {
    /// So many bytes went, at least one. The stream's flags say whether another call is worth it.
    case moved(Int)
    /// Nothing to do before the next `note` that says otherwise.
    case wouldBlock
    /// The peer sends no more. Reads only.
    case endOfStream
    case failed(Fault)
}

/// How far a TLS handshake is. A plain stream is always done.
public enum HandshakeResult: Equatable, Sendable {
    case done
    case wouldBlock
    case failed(Fault)
}
