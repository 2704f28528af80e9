// SPDX-License-Identifier: Apache-2.0
import Archive
import Config
import Glibc
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

    /// nil when no archive is asked for.
    static func openArchive(_ configuration: Configuration) throws(ArchiveFault) -> EventStore? {
        guard let settings = configuration.archive else { return nil }
        _ = unsafe mkdir(configuration.stateDirectory, 0o700)
        return try EventStore(
            path: "\(configuration.stateDirectory)/events.db",
            retention: .init(age: settings.retention, events: settings.maximumEvents))
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
