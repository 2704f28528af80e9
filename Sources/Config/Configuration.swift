// SPDX-License-Identifier: Apache-2.0
package import Logins
package import Notify
package import Rules
package import Wire

/// The whole configuration as somebody wrote it, checked and with its defaults. A value, made by `ConfigurationReader`.
package struct Configuration: Sendable {
    /// Loops; nil: one per core.
    package var workers: Int?
    package var stateDirectory = "/var/lib/loginward"
    package var monitorsOnly = false
    package var shutdownTimeout = Duration.seconds(30)
    package var listeners: [ListenerSettings] = []
    package var clientAddress = ClientAddressSettings()
    package var requestID = RequestIDSettings()
    package var services: [ServiceSettings] = []
    package var limits = LimitSettings()
    package var detection = DetectionSettings()
    package var sessions = SessionSettings()
    package var denylist = ListSettings()
    package var allowlist = ListSettings()
    /// The most entries that may be added at run time.
    package var overlayEntries = 100_000
    package var rules: [Rule] = []
    /// What was read and has no effect, or another than may be meant.
    package var warnings: [Problem] = []
    package var blockPageHTML: String?
    package var blockPageJSON: String?
    package var collectors: [CollectorSettings] = []
    package var notifications: [NotificationTarget] = []
    package var archive: ArchiveSettings?
    package var admin: AdminSettings?
    package var accessLog: AccessLogSettings?

    package init() {}
}

/// `denylist:` or `allowlist:`.
package struct ListSettings: Sendable {
    package var files: [ListedFile] = []
    /// A reload that leaves less than half of the entries is a problem, not a warning.
    package var refusesShrinking = false
    package var place = Place(file: "")

    /// Lists of millions of lines are not kept beside what was made of them.
    package mutating func forgetContents() {
        for index in files.indices { files[index].contents = [] }
    }
}

/// A file that a list names, with what stands in it.
package struct ListedFile: Sendable {
    package var path: String
    package var contents: [UInt8]
}

package struct ListenerSettings: Sendable {
    package var address: String
    package var requiresProxyProtocol = false
    package var http2 = true
    package var tls: TLSSettings?
    package var place: Place
}

package struct TLSSettings: Sendable {
    package enum ClientCertificates: String, CaseIterable, Sendable {
        case none, optional, required
    }

    package var certificates: [(certificate: String, key: String)] = []
    package var minimumVersion = "1.2"
    package var clientCA: String?
    package var clientCertificates = ClientCertificates.none
    package var place: Place
}

package struct ClientAddressSettings: Sendable {
    package var trustedProxies: [IPPrefix] = []
    package var headers = ["x-forwarded-for"]
    package var ipv6Prefix = 64
}

package struct RequestIDSettings: Sendable {
    package enum Trust: String, CaseIterable, Sendable {
        case trustedProxies = "trusted_proxies"
        case nobody, everybody
    }

    package var header = "x-request-id"
    package var trust = Trust.trustedProxies
}

package struct LimitSettings: Sendable {
    package var head = 32 * 1024
    package var fields = 128
    package var bodyInspected = 1 << 20
    package var refusesOverBody = true
    package var body: Int?
    package var headerTimeout = Duration.seconds(10)
    package var bodyTimeout = Duration.seconds(30)
    package var idleTimeout = Duration.seconds(75)
    package var writeTimeout = Duration.seconds(30)
    package var minimumBodyRate = 240
    package var minimumReadRate = 240
    package var rateGrace = Duration.seconds(10)
    package var connections = 100_000
    /// nil: as many as it likes.
    package var connectionsPerAddress: Int?
    /// Requests of one address in a window of nanoseconds; nil: as many as it likes.
    package var requestsPerAddress: (count: Int, window: Int64)?
    package var requestsPerConnection = 100_000
    package var delayed = 1_000
    package var http2Streams = 100
}

/// What commands need that read the archive.
package struct ArchiveLocation: Sendable {
    package var stateDirectory: String
}

/// The local history of login events.
package struct ArchiveSettings: Sendable {
    package var retention = Duration.seconds(7 * 86_400)
    package var maximumEvents = 1_000_000
    /// On the disk.
    package var maximumBytes = Int64.max
    package var place: Place
}

package struct AdminSettings: Sendable {
    package var address: String
    package var place: Place
}

package struct AccessLogSettings: Sendable {
    package var path: String
    package var place: Place
}
