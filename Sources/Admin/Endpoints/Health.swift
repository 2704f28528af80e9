// SPDX-License-Identifier: Apache-2.0

/// `/livez`, `/healthz`: the process answers. `/readyz`: it can do its work; `?verbose` lists the checks.
enum Health {
    static func live() -> AdminResponse { .text("ok\n") }

    static func ready(_ actions: AdminActions, verbose: Bool) -> AdminResponse {
        let checks = actions.readiness()
        let failed = checks.filter { $0.trouble != nil }
        var text = ""
        if verbose || !failed.isEmpty {
            for check in checks {
                text += check.trouble.map { "[-] \(check.check): \($0)\n" } ?? "[+] \(check.check)\n"
            }
        }
        text += failed.isEmpty ? "ok\n" : "not ready\n"
        return .text(text, status: failed.isEmpty ? 200 : 503)
    }
}
