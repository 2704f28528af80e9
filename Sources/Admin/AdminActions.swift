// SPDX-License-Identifier: Apache-2.0

/// What the admin side can ask and do. Filled by the daemon; called on the admin loop, so nothing here may block for long.
package struct AdminActions: Sendable {
    package var metrics: @Sendable () -> [MetricFamily]
    /// A JSON object.
    package var status: @Sendable () -> [UInt8]
    /// Checks by name, with what is wrong, or nil when it is well.
    package var readiness: @Sendable () -> [(check: String, trouble: String?)]
    /// The newest archived events as JSON texts, newest first; nil: there is no archive, or why it cannot answer.
    package var events: @Sendable (_ limit: Int, _ login: String?, _ client: String?) -> Result<[String], AdminTrouble>
    /// What is known of login coverage, a JSON object.
    package var coverage: @Sendable () -> [UInt8]
    /// Takes over events that an application reports as JSON: how many, or why none.
    package var report: @Sendable (_ body: [UInt8]) -> Result<Int, AdminTrouble>
    /// Reloads and calls back, from any thread.
    package var reload: @Sendable (@escaping Reloaded) -> Void

    /// The running generation, settings that changed and wait for a restart, and the problems.
    package typealias Reloaded =
        @Sendable (_ generation: Int, _ needsRestart: [String], _ problems: [String]) -> Void

    package init(
        metrics: @escaping @Sendable () -> [MetricFamily], status: @escaping @Sendable () -> [UInt8],
        readiness: @escaping @Sendable () -> [(check: String, trouble: String?)],
        events:
            @escaping @Sendable (_ limit: Int, _ login: String?, _ client: String?) -> Result<[String], AdminTrouble>,
        coverage: @escaping @Sendable () -> [UInt8] = { [] },
        report: @escaping @Sendable (_ body: [UInt8]) -> Result<Int, AdminTrouble> = { _ in .success(0) },
        reload: @escaping @Sendable (@escaping Reloaded) -> Void
    ) {
        self.metrics = metrics
        self.status = status
        self.readiness = readiness
        self.events = events
        self.coverage = coverage
        self.report = report
        self.reload = reload
    }
}

/// Why an action cannot be done, with the status that says so.
package struct AdminTrouble: Error, Sendable {
    package var status: Int
    package var reason: String

    package init(status: Int, _ reason: String) {
        self.status = status
        self.reason = reason
    }
}
