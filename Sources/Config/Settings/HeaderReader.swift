// SPDX-License-Identifier: Apache-2.0
import Wire

/// Reads `headers:` of something that requests are sent to: plain values, or `NAME_file: PATH` for secrets.
enum HeaderReader {
    static func read(_ section: YAMLSection, _ context: ReadingContext) -> [(String, String)] {
        guard let headers = section.section("headers") else { return [] }
        var list: [(String, String)] = []
        for key in headers.keys {
            var name = key
            var value = headers.string(key) ?? ""
            if key.hasSuffix("_file") {
                name = String(key.dropLast(5))
                let bytes = context.contents(context.resolve(value, from: section.file), headers.place(key)) ?? []
                value = Substring(decoding: bytes.prefix { $0 != 10 && $0 != 13 }, as: UTF8.self).trimmingSpaces()
            }
            if !HeaderName.isValid(name) { context.report(headers.place(key), "\"\(name)\" is not a field name") }
            if value.utf8.contains(where: { $0 < 32 || $0 == 127 }) {
                context.report(headers.place(key), "the value of \(name) holds control characters")
            }
            list.append((name, value))
        }
        return list
    }
}
