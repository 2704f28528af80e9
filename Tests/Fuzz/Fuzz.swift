// SPDX-License-Identifier: Apache-2.0

import Glibc

/// One parser that reads what strangers write, under the name that the environment variable FUZZ gives.
/// It returns normally on every input; a trap, a sanitizer's report or a broken promise (`precondition`) is a finding.
struct Fuzz: Sendable {
    let name: String
    let run: @Sendable (Span<UInt8>) -> Void

    static let all = http + http2 + content + rules + files + exchanges + logins + tls

    /// Where functions put files; `.ci/fuzz` removes it.
    static let folder = unsafe getenv("FUZZ_FOLDER").map { unsafe String(cString: $0) } ?? "/tmp"

    static let chosen: Fuzz? = {
        let name = unsafe getenv("FUZZ").map { unsafe String(cString: $0) }
        return all.first { $0.name == name }
    }()
}
