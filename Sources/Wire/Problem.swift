// SPDX-License-Identifier: Apache-2.0

/// Where something stands in a file, for a person: lines and columns count from 1; 0 means unknown.
public struct Place: Equatable, Hashable, Sendable {
    public var file: String
    public var line: Int
    public var column: Int

    public init(file: String, line: Int = 0, column: Int = 0) {
        self.file = file
        self.line = line
        self.column = column
    }
}

/// One thing wrong with the configuration, a rule or a list. Collected, all of them, before anybody is told.
public struct Problem: Error, Equatable, Sendable, CustomStringConvertible {
    public var place: Place
    public var what: String
    public var hint: String?
    /// Told, and nothing is refused for it.
    public var isWarning = false

    public init(_ place: Place, _ what: String, hint: String? = nil) {
        self.place = place
        self.what = what
        self.hint = hint
    }

    public static func warning(_ place: Place, _ what: String, hint: String? = nil) -> Problem {
        var problem = Problem(place, what, hint: hint)
        problem.isWarning = true
        return problem
    }

    /// `file:line:column: error: what (hint)`, as compilers print it.
    public var description: String {
        let position = place.line > 0 ? ":\(place.line):\(max(place.column, 1))" : ""
        return "\(place.file)\(position): \(isWarning ? "warning" : "error"): \(what)" + (hint.map { " (\($0))" } ?? "")
    }
}
