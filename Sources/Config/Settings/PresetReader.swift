// SPDX-License-Identifier: Apache-2.0
import Wire
import Yams

/// A login entry, and the preset's route beneath it: what the entry says itself wins, key by key. A value.
struct LoginLayers {
    let own: YAMLSection
    var preset: YAMLSection?
    /// `own` is itself a route of a preset.
    var isPreset = false

    /// The layer that says `key`.
    func of(_ key: String) -> YAMLSection {
        // Asked of both, so that neither reports the key as unknown.
        let presetHas = preset?.has(key) ?? false
        if own.has(key) || !presetHas { return own }
        return preset ?? own
    }
}

/// Finds and reads presets: files that say how a product's logins look.
enum PresetReader {
    /// The route of a preset that the keys of an entry are about.
    static let main = "login"

    /// The routes of a preset, in the order in which they are tried. Looked for in `logins/` beside the configuration, so that an operator can add and
    /// replace some, then where the program was installed.
    static func routes(of name: String, for entry: YAMLSection, _ context: ReadingContext) -> [YAMLSection] {
        let folders = [context.resolve("logins", from: entry.file)] + context.environment.presetFolders
        let isName =
            !name.isEmpty
            && name.utf8.allSatisfy { $0 >= 97 && $0 <= 122 || $0 >= 48 && $0 <= 57 || $0 == UInt8(ascii: "-") }
        for folder in isName ? folders : [] {
            let path = "\(folder)/\(name).yaml"
            guard case .success(let bytes) = context.environment.read(path) else { continue }
            guard let node = YAMLDocument.parse(bytes, file: path, context) else { return [] }
            guard case .mapping(let top) = node, top.count == 1, case .sequence(let list)? = top["routes"] else {
                context.report(Place(file: path), "a preset is a list named \"routes\", and nothing else")
                return []
            }
            // They are read as if they stood in the entry's place.
            return list.compactMap { YAMLSection($0, file: path, path: entry.path, context) }
        }
        let known = names(in: folders, context)
        context.report(
            entry.place("preset"), "unknown preset \"\(name)\"",
            hint: Units.nearest(to: name, in: known).map { "did you mean \"\($0)\"?" }
                ?? (known.isEmpty ? "no presets in \(folders.joined(separator: ", "))" : known.joined(separator: ", ")))
        return []
    }

    private static func names(in folders: [String], _ context: ReadingContext) -> [String] {
        var names: Set<String> = []
        for folder in folders {
            for path in context.environment.glob("\(folder)/*.yaml") {
                guard let slash = path.lastIndex(of: "/"), path.hasSuffix(".yaml") else { continue }
                names.insert(String(path[path.index(after: slash)...].dropLast(5)))
            }
        }
        return names.sorted()
    }
}
