// SPDX-License-Identifier: Apache-2.0
import Wire

extension ProfileTable {
    private static let inconsistencies = [
        "", "Chrome without sec-ch-ua", "Chrome 123 or later without zstd", "Chrome 124 or later without priority",
        "Chrome with a version that is not reduced", "Chrome without sec-fetch-site",
        "client hints from a browser that sends none",
        "sec-ch-ua names another version than the user agent",
        "sec-ch-ua-platform names another system than the user agent",
        "sec-ch-ua-mobile contradicts the user agent", "a browser without accept-language",
        "a browser without accept-encoding",
        "a browser without accept", "Firefox without sec-fetch-site", "a browser without origin and referer",
    ]

    /// Items in words, read off a profile that carries them.
    func words(of items: [Int32], in place: Int32) -> [String] {
        if place < 0 { return [] }
        let profile = profiles[Int(place)]
        var reader = HeaderReader(hash: hash)
        reader.read(profile.list, tls: Span())
        return items.map { number in
            let key = self.items[Int(number)].item.key
            guard let item = reader.items.first(where: { $0.key == key }) else { return "tls fingerprint" }
            return words(of: item, profile.list)
        }
    }

    private func words(of item: HeaderItem, _ list: borrowing HeaderList) -> String {
        let name = text(Int(item.field), list, isValue: false)
        switch item.family {
        case .consistency:
            return ProfileTable.inconsistencies[min(Int(item.code), ProfileTable.inconsistencies.count - 1)]
        case .order, .browserOrder:
            let names = (0..<list.fields.count).map { text($0, list, isValue: false).lowercased() }.joined(
                separator: ",")
            return item.family == .order ? "header order \(names)" : "header order \(names) with this browser"
        case .spelling:
            return
                "header names spelt \((0..<list.fields.count).map { text($0, list, isValue: false) }.joined(separator: ","))"
        case .names:
            return
                "exactly these header names: \((0..<list.fields.count).map { text($0, list, isValue: false) }.sorted().joined(separator: ","))"
        case .neighbours: return "\(name) directly before \(text(Int(item.other), list, isValue: false))"
        case .present: return "\(name) is sent"
        case .absent: return "no \(HeaderReader.absence(Int(item.code)))"
        case .value:
            return item.code == 0
                ? "\(name): \(text(Int(item.field), list, isValue: true))" : "way of writing accept-language"
        case .browserValue:
            return item.code == 3
                ? "way of writing accept-language with this browser"
                : "\(name): \(text(Int(item.field), list, isValue: true)) with this browser"
        case .tls: return "tls fingerprint"
        case .browser, .agent: return "user-agent: \(agent(list))"
        }
    }

    private func text(_ field: Int, _ list: borrowing HeaderList, isValue: Bool) -> String {
        if field < 0 || field >= list.fields.count { return "" }
        let range = isValue ? list.fields[field].value : list.fields[field].name
        return String(decoding: list.bytes[range.bounds].prefix(200), as: UTF8.self)
    }

    private func agent(_ list: borrowing HeaderList) -> String {
        String(decoding: list.bytes[list.value("user-agent").bounds].prefix(300), as: UTF8.self)
    }
}
