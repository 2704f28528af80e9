// SPDX-License-Identifier: Apache-2.0

import Foundation

/// One Swift file of the repository, read once. Owned by the test that looks at it.
struct SourceFile {
    /// Path from the root of the repository, "Sources/Wire/ByteRange.swift".
    let path: String
    let lines: [String]
    /// The same lines with comments and the insides of one-line string literals blanked.
    let code: [String]

    /// The folder below Sources or Tests.
    var target: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var isInComment = false
        var isInText = false
        code = lines.map { SourceFile.blank($0, &isInComment, &isInText) }
    }

    /// One line without what is not code. `/* */` and `"""` may run over lines.
    private static func blank(_ line: String, _ isInComment: inout Bool, _ isInText: inout Bool) -> String {
        var result = ""
        var rest = Substring(line)
        var isInLiteral = false
        while let first = rest.first {
            if isInComment {
                isInComment = !rest.hasPrefix("*/")
                rest = rest.dropFirst(isInComment ? 1 : 2)
            } else if !isInLiteral && rest.hasPrefix("\"\"\"") {
                isInText.toggle()
                rest = rest.dropFirst(3)
            } else if isInText {
                rest = rest.dropFirst()
            } else if isInLiteral {
                if first == "\"" { isInLiteral = false }
                rest = rest.dropFirst(first == "\\" ? 2 : 1)
            } else if first == "\"" {
                isInLiteral = true
                result.append("\"")
                rest = rest.dropFirst()
            } else if rest.hasPrefix("//") {
                return result
            } else if rest.hasPrefix("/*") {
                isInComment = true
                rest = rest.dropFirst(2)
            } else {
                result.append(first)
                rest = rest.dropFirst()
            }
        }
        return result
    }

    /// Modules that this file imports.
    var imports: [String] {
        code.compactMap { line in
            line.wholeMatch(
                of:
                    /\s*(?:@[\w()]+\s+|package |public |internal |private |fileprivate )*import (?:(?:struct|enum|class|func|var|typealias|protocol) )?(\w+).*/
            )
            .map { String($0.output.1) }
        }
    }

    /// Lines, counted from 1, whose code holds `pattern`.
    func places(_ pattern: some RegexComponent) -> [Int] {
        code.indices.filter { code[$0].contains(pattern) }.map { $0 + 1 }
    }
}

/// The repository as it lies on the disk, found from the place of this file.
enum SourceTree {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static let sources = files(below: "Sources")
    static let tests = files(below: "Tests")

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appendingPathComponent(path).path)
    }

    static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    private static func files(below folder: String) -> [SourceFile] {
        guard let paths = FileManager.default.enumerator(atPath: root.appendingPathComponent(folder).path) else {
            return []
        }
        return paths.compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }.sorted().compactMap { path in
            let path = "\(folder)/\(path)"
            return (try? text(path)).map { SourceFile(path: path, text: $0) }
        }
    }
}
