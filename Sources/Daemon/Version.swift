// SPDX-License-Identifier: Apache-2.0

/// The version that `loginward version`, metrics and events show.
enum Version {
    static let text = "0.1.0"
}

/// Exit codes of the program (sysexits.h).
enum ExitStatus {
    static let failure: Int32 = 1
    static let usage: Int32 = 64
    static let permission: Int32 = 77
    static let configuration: Int32 = 78
}
