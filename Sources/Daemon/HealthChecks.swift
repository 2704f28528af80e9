// SPDX-License-Identifier: Apache-2.0
import Config
import Proxy
import Synchronization
import Transport

/// The active checks of all upstream servers that ask for them, on one loop. Made anew with each policy. Shared; the checks themselves
/// belong to the loop.
final class HealthChecks: Sendable {
    private let loop: LoopHandle
    private let log: Logs

    init(loop: LoopHandle, log: Logs) {
        self.loop = loop
        self.log = log
    }

    /// Ends the old checks and begins those of `loaded`.
    func adopt(_ loaded: LoadedPolicy) {
        let log = log
        loop.post { loop in
            guard let worker = loop.context as? Worker else { return }
            var checks: [HealthCheck] = []
            for (settings, service) in zip(loaded.configuration.services, loaded.policy.services) {
                for endpoint in service.upstream.servers {
                    guard settings.upstream.checksHealth else {
                        endpoint.setPassing(true)
                        continue
                    }
                    checks.append(
                        HealthCheck(
                            loop: loop, endpoint: endpoint, tls: service.upstream.tls,
                            path: settings.upstream.healthPath,
                            interval: settings.upstream.healthInterval,
                            timeout: min(settings.upstream.healthInterval, settings.upstream.connectTimeout),
                            changed: { endpoint, passing in
                                log.info(
                                    passing ? "upstream is back" : "upstream fails its health check",
                                    ["server": String(decoding: endpoint.name, as: UTF8.self)])
                            }))
                }
            }
            worker.replaceHealthChecks(checks)
        }
    }

    func stop() { loop.post { loop in (loop.context as? Worker)?.replaceHealthChecks([]) } }
}
