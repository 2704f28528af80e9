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
    /// The newest signals of attacks with their accounts, one JSON object a line.
    package var signals: @Sendable () -> [UInt8]
    /// Takes over events that an application reports as JSON: how many, or why none.
    package var report: @Sendable (_ body: [UInt8]) -> Result<Int, AdminTrouble>
    /// Sends a test to one notification target and calls back, from any thread: whether there is one of that name, and what is wrong.
    package var testNotification:
        @Sendable (_ name: String, @escaping @Sendable (_ isKnown: Bool, _ trouble: String?) -> Void) -> Void
    /// Shows or changes a list. The answer is JSON.
    package var lists: @Sendable (ListQuestion) -> Result<[UInt8], AdminTrouble>
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
        signals: @escaping @Sendable () -> [UInt8] = { [] },
        report: @escaping @Sendable (_ body: [UInt8]) -> Result<Int, AdminTrouble> = { _ in .success(0) },
        testNotification:
            @escaping @Sendable (_ name: String, @escaping @Sendable (_ isKnown: Bool, _ trouble: String?) -> Void) ->
            Void = { $1(false, "") },
        lists: @escaping @Sendable (ListQuestion) -> Result<[UInt8], AdminTrouble> = { _ in .success([]) },
        reload: @escaping @Sendable (@escaping Reloaded) -> Void
    ) {
        self.metrics = metrics
        self.status = status
        self.readiness = readiness
        self.events = events
        self.coverage = coverage
        self.report = report
        self.signals = signals
        self.testNotification = testNotification
        self.lists = lists
        self.reload = reload
    }
}

/// What somebody asks of a list, as it came. A value.
package struct ListQuestion: Sendable {
    package enum Verb: Sendable {
        case show, add, remove, extend, preview
    }

    package var verb: Verb
    /// "deny" or "allow".
    package var list: String
    /// Lines of a list file.
    package var body: [UInt8]
    /// The rest of the query.
    package var parameters: [String: String]
}

/// Why an action cannot be done, with the status that says so.
package struct AdminTrouble: Error, Sendable {
    package var status: Int
    package var reason: String
    package var details: [String]

    package init(status: Int, _ reason: String, _ details: [String] = []) {
        self.details = details
        self.status = status
        self.reason = reason
    }
}
