// SPDX-License-Identifier: Apache-2.0

/// What the admin side can ask and do. Filled by the daemon; called on the admin loop, so nothing here may block for long.
package struct AdminActions: Sendable {
    package var metrics: @Sendable () -> [MetricFamily]
    /// A JSON object.
    package var status: @Sendable () -> [UInt8]
    /// Checks by name, with what is wrong, or nil when it is well.
    package var readiness: @Sendable () -> [(check: String, trouble: String?)]
    /// Reloads and calls back, from any thread, with the running generation and the problems.
    package var reload: @Sendable (@escaping @Sendable (_ generation: Int, _ problems: [String]) -> Void) -> Void

    package init(
        metrics: @escaping @Sendable () -> [MetricFamily], status: @escaping @Sendable () -> [UInt8],
        readiness: @escaping @Sendable () -> [(check: String, trouble: String?)],
        reload: @escaping @Sendable (@escaping @Sendable (_ generation: Int, _ problems: [String]) -> Void) -> Void
    ) {
        self.metrics = metrics
        self.status = status
        self.readiness = readiness
        self.reload = reload
    }
}
