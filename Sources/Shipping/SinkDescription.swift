// SPDX-License-Identifier: Apache-2.0

/// Where events go and how they are dressed, as the configuration says. A value.
package struct SinkDescription: Equatable, Sendable {
    package enum Encoding: Sendable { case json, protobuf }
    package enum Framing: Sendable { case ndjson, array, splunkHEC, elasticBulk, loki }
    /// The vocabulary in which an event is written.
    package enum Schema: Sendable { case native, ocsf, ecs, datadog, cef }

    package enum Kind: Equatable, Sendable {
        case otlp(encoding: Encoding, url: String)
        case http(url: String, framing: Framing)
        /// `tcp://HOST:PORT` or `tls://HOST:PORT`.
        case syslog(url: String)
        case file(path: String, rotation: Rotation? = nil)
        /// Every record a message of its own, for people.
        case messages(MessageForm)
    }

    /// How the other side is trusted, and what we show it. Files in PEM form.
    package struct Security: Equatable, Sendable {
        /// nil: the system's authorities.
        package var caFile: String?
        package var certificate: String?
        package var key: String?

        package init(caFile: String? = nil, certificate: String? = nil, key: String? = nil) {
            self.caFile = caFile
            self.certificate = certificate
            self.key = key
        }

        /// Files may change behind their names.
        var hasFiles: Bool { caFile != nil || certificate != nil || key != nil }
    }

    /// When a file is put aside, and how many of those are kept. A value.
    package struct Rotation: Equatable, Sendable {
        package var bytes: Int
        package var files: Int

        package init(bytes: Int, files: Int) {
            self.bytes = bytes
            self.files = files
        }
    }

    /// Says whom a request is from. A value.
    package struct Signature: Equatable, Sendable {
        package var header: String
        package var key: [UInt8]

        package init(header: String, key: [UInt8]) {
            self.header = header
            self.key = key
        }
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
    package var security: Security
    package var schema: Schema
    package var usesGzip: Bool
    package var signature: Signature?

    /// A message is sent by itself.
    var recordsAtOnce: Int {
        if case .messages = kind { return 1 }
        return batchEvents
    }

    /// What log lines call it.
    var title: String {
        if case .messages = kind { return "notification \(name)" }
        return "collector \(name)"
    }

    package init(
        name: String, kind: Kind, headers: [(String, String)] = [], batchEvents: Int = 500,
        flushInterval: Duration = .seconds(1), timeout: Duration = .seconds(10), security: Security = Security(),
        schema: Schema = .native, usesGzip: Bool = false, signature: Signature? = nil
    ) {
        self.name = name
        self.kind = kind
        self.headers = headers
        self.batchEvents = batchEvents
        self.flushInterval = flushInterval
        self.timeout = timeout
        self.security = security
        self.schema = schema
        self.usesGzip = usesGzip
        self.signature = signature
    }

    package static func == (one: SinkDescription, other: SinkDescription) -> Bool {
        one.name == other.name && one.kind == other.kind && one.headers.elementsEqual(other.headers, by: ==)
            && one.batchEvents == other.batchEvents && one.flushInterval == other.flushInterval
            && one.timeout == other.timeout && one.security == other.security && one.schema == other.schema
            && one.usesGzip == other.usesGzip && one.signature == other.signature
    }
}
