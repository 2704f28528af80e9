// SPDX-License-Identifier: Apache-2.0

/// Where events go and how they are dressed, as the configuration says. A value.
package struct SinkDescription: Equatable, Sendable {
    package enum Encoding: Sendable { case json, protobuf }
    package enum Framing: Sendable { case ndjson, array }

    package enum Kind: Equatable, Sendable {
        case otlp(encoding: Encoding, url: String)
        case http(url: String, framing: Framing)
        case file(path: String)
    }

    /// Names the cursor file in the spool.
    package var name: String
    package var kind: Kind
    package var headers: [(String, String)]
    package var batchEvents: Int
    /// How long a part of a batch waits for the rest.
    package var flushInterval: Duration
    /// Of one whole exchange.
    package var timeout: Duration
    package var caFile: String?

    package init(
        name: String, kind: Kind, headers: [(String, String)] = [], batchEvents: Int = 500,
        flushInterval: Duration = .seconds(1), timeout: Duration = .seconds(10), caFile: String? = nil
    ) {
        self.name = name
        self.kind = kind
        self.headers = headers
        self.batchEvents = batchEvents
        self.flushInterval = flushInterval
        self.timeout = timeout
        self.caFile = caFile
    }

    package static func == (one: SinkDescription, other: SinkDescription) -> Bool {
        one.name == other.name && one.kind == other.kind && one.headers.elementsEqual(other.headers, by: ==)
            && one.batchEvents == other.batchEvents && one.flushInterval == other.flushInterval
            && one.timeout == other.timeout && one.caFile == other.caFile
    }
}
