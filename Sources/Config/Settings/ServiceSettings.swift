// SPDX-License-Identifier: Apache-2.0
package import Logins
package import Wire

/// One guarded service.
package struct ServiceSettings: Sendable {
    package var name: String
    /// Lower case; empty: every host.
    package var hosts: [String] = []
    package var upstream: UpstreamSettings
    package var logins: [LoginRoute] = []
    /// Logins that are not declared are looked for.
    package var discoversLogins = true
    package var place: Place
}

/// Where a service's requests go.
package struct UpstreamSettings: Sendable {
    /// One server, taken apart.
    package struct Server: Equatable, Sendable {
        package var text: String
        package var usesTLS: Bool
        /// Host name, address, or path of a Unix socket.
        package var host: String
        /// 0 for a Unix socket.
        package var port: UInt16
        /// Its share of the requests beside the others.
        package var weight = 1
        package var isUnix: Bool { port == 0 }

        /// host[:port] as the Host field says it.
        package var authority: String {
            if isUnix { return "localhost" }
            let name = host.contains(":") ? "[\(host)]" : host
            return port == (usesTLS ? 443 : 80) ? name : "\(name):\(port)"
        }
    }

    /// How requests are shared out.
    package enum Balance: Equatable, Sendable {
        case leastOutstanding, clientAddress
        case cookie(String)
    }

    package var servers: [Server] = []
    package var balance = Balance.leastOutstanding
    /// How long a server that comes back warms up.
    package var slowStart: Duration?
    package var connectTimeout = Duration.seconds(5)
    package var responseTimeout = Duration.seconds(60)
    package var idleTimeout = Duration.seconds(50)
    package var keepAlive = 128
    package var maximumFailures = 3
    package var failTimeout = Duration.seconds(10)
    package var retries = 1
    package var preservesHost = true
    package var caFile: String?
    package var verifies = true
    package var serverName: String?
    package var checksHealth = false
    /// nil: a connection is enough.
    package var healthPath: String?
    package var healthInterval = Duration.seconds(5)
    package var place: Place
}
