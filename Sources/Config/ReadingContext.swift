// SPDX-License-Identifier: Apache-2.0
import Wire

/// The world as far as reading a configuration needs it, handed in so that Config stays pure.
package struct ReadingEnvironment {
    /// Contents of a file, or why it cannot be read.
    package var read: (String) -> Result<[UInt8], FileTrouble>
    /// Paths that a pattern with "*" stands for, sorted.
    package var glob: (String) -> [String]
    /// A variable of the environment.
    package var variable: (String) -> String?
    /// Where the presets stand that came with the program.
    package var presetFolders: [String]

    package init(
        read: @escaping (String) -> Result<[UInt8], FileTrouble>, glob: @escaping (String) -> [String],
        variable: @escaping (String) -> String?, presetFolders: [String] = []
    ) {
        self.presetFolders = presetFolders
        self.read = read
        self.glob = glob
        self.variable = variable
    }
}

/// Why a file could not be read, for a person.
package struct FileTrouble: Error, Sendable {
    package var reason: String

    package init(_ reason: String) { self.reason = reason }
}

/// What gathers while files are read: every problem, and the way to the world. Owned by one reader.
final class ReadingContext {
    let environment: ReadingEnvironment
    private(set) var problems: [Problem] = []
    /// Every key that was asked for, as "services[].name": what the schema must know.
    private(set) var asked: Set<String> = []

    init(_ environment: ReadingEnvironment) { self.environment = environment }

    func report(_ place: Place, _ what: String, hint: String? = nil) {
        problems.append(Problem(place, what, hint: hint))
    }

    func noteAsked(_ keys: Set<String>, in path: String) {
        var general = ""
        var isInside = false
        for character in path {
            if character == "]" { isInside = false }
            if !isInside { general.append(character) }
            if character == "[" { isInside = true }
        }
        for key in keys { asked.insert(general.isEmpty ? key : "\(general).\(key)") }
    }

    /// What is told and refuses nothing.
    private(set) var warnings: [Problem] = []

    func warn(_ more: [Problem]) { warnings += more }

    func report(_ more: [Problem]) { problems += more }

    /// A path as it stands in `file`: relative ones start at that file's folder.
    func resolve(_ path: String, from file: String) -> String {
        if path.hasPrefix("/") { return path }
        guard let slash = file.lastIndex(of: "/") else { return path }
        return String(file[...slash]) + path
    }

    /// The contents of a file that something at `place` names; nil and a problem when it cannot be read.
    func contents(_ path: String, _ place: Place) -> [UInt8]? {
        switch environment.read(path) {
        case .success(let bytes): return bytes
        case .failure(let trouble):
            report(place, "cannot read \(path): \(trouble.reason)")
            return nil
        }
    }

    /// `${env:NAME}` and `${env:NAME:-default}` replaced.
    func expand(_ text: String, _ place: Place) -> String {
        guard text.contains("${") else { return text }
        var out = ""
        var rest = Substring(text)
        while let start = rest.range(of: "${") {
            out += rest[..<start.lowerBound]
            guard let end = rest[start.upperBound...].firstIndex(of: "}") else {
                report(place, "\"${\" without \"}\"")
                return text
            }
            let inner = rest[start.upperBound..<end]
            out += variable(inner, place)
            rest = rest[rest.index(after: end)...]
        }
        return out + rest
    }

    private func variable(_ inner: Substring, _ place: Place) -> String {
        guard inner.hasPrefix("env:") else {
            report(place, "unknown substitution \"${\(inner)}\"", hint: "${env:NAME} or ${env:NAME:-default}")
            return ""
        }
        let body = inner.dropFirst(4)
        if let split = body.range(of: ":-") {
            return environment.variable(String(body[..<split.lowerBound])) ?? String(body[split.upperBound...])
        }
        if let value = environment.variable(String(body)) { return value }
        report(place, "the environment has no \(body)", hint: "${env:\(body):-default} gives a default")
        return ""
    }
}

extension Substring {
    /// The first place where `word` stands.
    func range(of word: String) -> Range<Index>? {
        var index = startIndex
        while index < endIndex {
            if self[index...].hasPrefix(word) { return index..<self.index(index, offsetBy: word.count) }
            index = self.index(after: index)
        }
        return nil
    }
}
