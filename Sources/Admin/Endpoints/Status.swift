// SPDX-License-Identifier: Apache-2.0

/// `/status`: what runs, since when, under which configuration.
enum Status {
    static func respond(_ actions: AdminActions) -> AdminResponse { AdminResponse(body: actions.status() + [10]) }
}
