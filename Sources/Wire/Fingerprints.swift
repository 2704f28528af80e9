// SPDX-License-Identifier: Apache-2.0

/// The fingerprints of one exchange, as ranges into one arena; empty where not computed or not computable. Reused from request to request.
package struct Fingerprints: Sendable {
    package var bytes: [UInt8] = []
    package var http = ByteRange.empty
    package var header = ByteRange.empty
    package var network = ByteRange.empty
    package var session = ByteRange.empty

    package init() {}

    package mutating func reset() {
        bytes.removeAll(keepingCapacity: true)
        http = .empty
        header = .empty
        network = .empty
        session = .empty
    }
}
