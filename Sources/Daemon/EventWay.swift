// SPDX-License-Identifier: Apache-2.0
import Config
import Shipping
import Wire

/// Builds the way of login events to the collectors that a configuration names.
enum EventWay {
    /// nil when there is no collector. Throws when the spool's directory cannot be used.
    static func open(_ configuration: Configuration, log: Logs) throws -> Shipper? {
        if configuration.collectors.isEmpty { return nil }
        let bytes = configuration.collectors.map(\.spoolBytes).max() ?? 256 << 20
        let spool = try Spool(directory: "\(configuration.stateDirectory)/spool", maximumBytes: bytes)
        return Shipper(spool: spool, sinks: configuration.collectors.map(describe)) {
            log.fault("collector", ["trouble": $0])
        }
    }

    private static func describe(_ settings: CollectorSettings) -> SinkDescription {
        let kind: SinkDescription.Kind =
            switch settings.kind {
            case .otlp: .otlp(encoding: settings.usesProtobuf ? .protobuf : .json, url: settings.target)
            case .http: .http(url: settings.target, framing: .ndjson)
            case .file: .file(path: settings.target)
            }
        return SinkDescription(
            name: settings.name, kind: kind, headers: settings.headers, batchEvents: settings.batchEvents,
            flushInterval: settings.flush, timeout: settings.timeout, caFile: settings.caFile)
    }
}
