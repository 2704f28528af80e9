// SPDX-License-Identifier: Apache-2.0
import Archive
import Config
import Glibc
import Proxy
import Shipping
import Transport
import Wire

/// Where access lines and login events go, as the running configuration names it. What a configuration names is opened before it is
/// adopted, so that what cannot be opened is a problem and not a loss. Owned by the `Gate`; shared.
final class Outputs: Sendable {
    /// Opened and not yet in use.
    struct Prepared {
        /// A new file for the access log; nil: it stays where it is.
        var accessLog: (path: String, descriptor: Int32)?
        var shipper: Shipper?
        var isNewShipper = false
        var sinks: [SinkDescription] = []
        var spoolBytes = 0
        var notifications = Notifications.Prepared()
        var spoolAge = Duration.seconds(7 * 86_400)
    }

    private struct State {
        var accessPath: String?
        var shipper: Shipper?
    }

    let accessLog = LogFile()
    /// The archive of this run; nil when none is configured.
    let archive: EventStore?
    let notifications: Notifications
    /// That of the start: the spool does not move while it is in use.
    private let stateDirectory: String
    private let state = Guarded(State())
    private let log: Logs

    init(_ configuration: Configuration, log: Logs) throws(StartTrouble) {
        stateDirectory = configuration.stateDirectory
        self.log = log
        notifications = Notifications(stateDirectory: configuration.stateDirectory, log: log)
        do throws(ArchiveFault) {
            archive = try Outputs.openArchive(configuration)
            if archive?.hasOldEvents == true {
                log.info("the archive has the layout of an older version: its events are moved over")
            }
        } catch {
            throw StartTrouble("cannot use the archive", ["fault": error.description], EIO)
        }
    }

    /// nil when no collector was ever configured.
    var shipper: Shipper? { state.withLock { $0.shipper } }

    /// Opens what `configuration` names. One call at a time, each followed by `adopt` or `discard`.
    func prepare(_ configuration: Configuration) throws(StartTrouble) -> Prepared {
        let (accessPath, shipper) = state.withLock { ($0.accessPath, $0.shipper) }
        var prepared = Prepared(shipper: shipper)
        prepared.sinks = configuration.collectors.map(SinkDescription.init)
        prepared.spoolBytes = configuration.collectors.map(\.spoolBytes).max() ?? 256 << 20
        prepared.spoolAge = configuration.collectors.map(\.spoolAge).max() ?? prepared.spoolAge
        if shipper == nil && !prepared.sinks.isEmpty {
            do {
                let spool = try Spool(directory: "\(stateDirectory)/spool", maximumBytes: prepared.spoolBytes)
                spool.limit(toAge: prepared.spoolAge)
                let log = log
                prepared.shipper = Shipper(spool: spool, sinks: prepared.sinks) {
                    log.fault("collector", ["trouble": $0])
                }
                prepared.isNewShipper = true
            } catch {
                throw StartTrouble(
                    "cannot use the state directory", ["path": stateDirectory, "fault": "\(error)"],
                    (error as? DiskFault)?.code ?? EIO)
            }
        }
        prepared.notifications = try notifications.prepare(configuration.notifications)
        if let path = configuration.accessLog?.path, path != accessPath {
            let opened = LogFile.open(path)
            if opened.errno != 0 {
                notifications.discard(prepared.notifications)
                throw StartTrouble("cannot open the access log", ["path": path], opened.errno)
            }
            prepared.accessLog = (path, opened.descriptor)
        }
        return prepared
    }

    /// Puts what was opened to use.
    func adopt(_ prepared: Prepared) {
        if let (path, descriptor) = prepared.accessLog { accessLog.change(to: path, descriptor: descriptor) }
        state.withLock { state in
            if let (path, _) = prepared.accessLog { state.accessPath = path }
            state.shipper = prepared.shipper
        }
        notifications.adopt(prepared.notifications)
        if prepared.isNewShipper {
            prepared.shipper?.start()
        } else {
            prepared.shipper?.adopt(prepared.sinks, spoolBytes: prepared.spoolBytes, spoolAge: prepared.spoolAge)
        }
    }

    /// Closes what was opened for a configuration that is not adopted.
    func discard(_ prepared: Prepared) {
        if let (_, descriptor) = prepared.accessLog { _ = close(descriptor) }
        notifications.discard(prepared.notifications)
        if prepared.isNewShipper { prepared.shipper?.stop(deadline: .zero) }
    }

    /// Files that logrotate moved are opened anew.
    func reopen() {
        let log = log
        accessLog.reopen { path, code in
            log.error("cannot reopen the access log", ["path": path, "reason": unsafe String(cString: strerror(code))])
        }
        shipper?.reopen()
    }

    private static func openArchive(_ configuration: Configuration) throws(ArchiveFault) -> EventStore? {
        guard let settings = configuration.archive else { return nil }
        _ = unsafe mkdir(configuration.stateDirectory, 0o700)
        return try EventStore(
            path: "\(configuration.stateDirectory)/events.db",
            retention: .init(
                age: settings.retention, events: settings.maximumEvents, bytes: settings.maximumBytes))
    }
}
