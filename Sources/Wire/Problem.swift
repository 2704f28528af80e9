// SPDX-License-Identifier: Apache-2.0

/// Where something stands in a file, for a person: lines and columns count from 1; 0 means unknown.
package struct Place: Equatable, Hashable, Sendable {
    package var file: String
    package var line: Int
    package var column: Int

    package init(file: String, line: Int = 0, column: Int = 0) {
        self.file = file
        self.line = line
        self.column = column
    }
}

/// One thing wrong with the configuration, a rule or a list. Collected, all of them, before anybody is told.
package struct Problem: Error, Equatable, Sendable, CustomStringConvertible {
    package var place: Place
    package var what: String
    package var hint: String?

    package init(_ place: Place, _ what: String, hint: String? = nil) {
        self.place = place
        self.what = what
        self.hint = hint
    }

    /// `file:line:column: error: what (hint)`, as compilers print it.
    package var description: String {
        let position = place.line > 0 ? ":\(place.line):\(max(place.column, 1))" : ""
        return "\(place.file)\(position): error: \(what)" + (hint.map { " (\($0))" } ?? "")
    }
}
