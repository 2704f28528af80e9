// SPDX-License-Identifier: Apache-2.0

/// `/api/v1/signals`: attacks on accounts, those that go on and those that are over, as JSON lines.
enum Signals {
    static func respond(_ actions: AdminActions) -> AdminResponse { AdminResponse(body: actions.signals()) }
}
