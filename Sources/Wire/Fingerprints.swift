// SPDX-License-Identifier: Apache-2.0

/// The fingerprints of one exchange, as ranges into one arena; empty where not computed or not computable. Reused from request to request.
public struct Fingerprints: Sendable {
    public var bytes: [UInt8] = []
    public var http = ByteRange.empty
    public var header = ByteRange.empty
    public var network = ByteRange.empty
    public var session = ByteRange.empty
    /// Of an HTTP/2 connection.
    public var http2 = ByteRange.empty
    /// How the client's program writes its head.
    public var client = ByteRange.empty
    /// Of a TLS connection that ends here.
    public var ja4 = ByteRange.empty
    public var ja3 = ByteRange.empty

    public init() {}

    public mutating func reset() {
        bytes.removeAll(keepingCapacity: true)
        http = .empty
        header = .empty
        network = .empty
        session = .empty
        http2 = .empty
        client = .empty
        ja4 = .empty
        ja3 = .empty
    }
}
