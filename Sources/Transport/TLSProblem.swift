// SPDX-License-Identifier: Apache-2.0

/// Why a TLS context cannot be made, with the file to blame. A value for the configuration's problems.
public struct TLSProblem: Error, Equatable, Sendable, CustomStringConvertible {
    /// nil when no file is to blame.
    public var path: String?
    public var what: String

    public init(_ path: String?, _ what: String) {
        self.path = path
        self.what = what
    }

    public var description: String { path.map { "\($0): \(what)" } ?? what }
}
