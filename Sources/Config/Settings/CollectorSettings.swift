// SPDX-License-Identifier: Apache-2.0
package import Wire

/// Who is told about logins, and how. A value.
package struct CollectorSettings: Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        case otlp, http, syslog, file
    }

    /// The vocabulary in which an event is written.
    package enum Schema: String, CaseIterable, Sendable {
        case native, ocsf, ecs, datadog, cef
    }

    /// How the events of one request stand in its body.
    package enum Framing: String, CaseIterable, Sendable {
        case ndjson, array, splunkHEC = "splunk_hec", elasticBulk = "elastic_bulk", loki
    }

    /// A header with a code over each body, made with a key that only the collector knows, too. A value.
    package struct Signature: Sendable {
        package var header: String
        package var key: [UInt8]
    }

    package var name: String
    package var kind: Kind
    /// URL, or the path of a file.
    package var target: String
    package var usesProtobuf = false
    package var framing = Framing.ndjson
    package var schema = Schema.native
    package var usesGzip = false
    package var signature: Signature?
    /// Of a file: how large it may become before it is put aside, and how many of those are kept; nil: others rotate it.
    package var rotation: (bytes: Int, files: Int)?
    package var headers: [(String, String)] = []
    package var batchEvents = 500
    package var flush = Duration.seconds(1)
    package var timeout = Duration.seconds(10)
    package var spoolBytes = 256 << 20
    /// How long an event waits for its collector.
    package var spoolAge = Duration.seconds(7 * 86_400)
    package var caFile: String?
    /// What a collector is shown that asks who we are, with its key.
    package var certificate: String?
    package var key: String?
    package var place: Place
}
