// SPDX-License-Identifier: Apache-2.0
import Config
import Shipping

extension SinkDescription {
    /// As the configuration says it.
    init(_ settings: CollectorSettings) {
        let kind: SinkDescription.Kind =
            switch settings.kind {
            case .otlp: .otlp(encoding: settings.usesProtobuf ? .protobuf : .json, url: settings.target)
            case .http: .http(url: settings.target, framing: Self.framing(settings.framing))
            case .syslog: .syslog(url: settings.target)
            case .file:
                .file(
                    path: settings.target,
                    rotation: settings.rotation.map { Rotation(bytes: $0.bytes, files: $0.files) })
            }
        let schema: SinkDescription.Schema =
            switch settings.schema {
            case .native: .native
            case .ocsf: .ocsf
            case .ecs: .ecs
            case .datadog: .datadog
            case .cef: .cef
            }
        self.init(
            name: settings.name, kind: kind, headers: settings.headers, batchEvents: settings.batchEvents,
            flushInterval: settings.flush, timeout: settings.timeout,
            security: .init(caFile: settings.caFile, certificate: settings.certificate, key: settings.key),
            schema: schema, usesGzip: settings.usesGzip,
            signature: settings.signature.map { .init(header: $0.header, key: $0.key) })
    }

    private static func framing(_ framing: CollectorSettings.Framing) -> SinkDescription.Framing {
        switch framing {
        case .ndjson: .ndjson
        case .array: .array
        case .splunkHEC: .splunkHEC
        case .elasticBulk: .elasticBulk
        case .loki: .loki
        }
    }
}
