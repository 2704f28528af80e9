// SPDX-License-Identifier: Apache-2.0

import Testing

/// The habits of the house that a machine can see.
@Suite struct HouseTests {
    var everything: [SourceFile] { SourceTree.sources + SourceTree.tests }

    @Test func `every file begins with its licence`() {
        for file in everything {
            #expect(file.lines.first == "// SPDX-License-Identifier: Apache-2.0", "\(file.path)")
        }
    }

    @Test func `files stay below 400 lines`() {
        for file in everything { #expect(file.lines.count <= 401, "\(file.path) has \(file.lines.count) lines") }
    }

    @Test func `functions stay below 70 lines`() {
        for file in SourceTree.sources {
            for (index, line) in file.code.enumerated() {
                guard line.contains(/\b(func|init|deinit)\b/), line.hasSuffix("{") || line.hasSuffix("(") else {
                    continue
                }
                let close = String(line.prefix { $0 == " " }) + "}"
                guard let end = file.code[(index + 1)...].firstIndex(where: { $0.hasPrefix(close) }) else { continue }
                #expect(end - index < 70, "\(file.path):\(index + 1) has \(end - index + 1) lines")
            }
        }
    }

    @Test func `types have names that say something`() {
        for file in everything {
            for line in file.code {
                guard let match = line.firstMatch(of: /\b(?:class|struct|enum|actor|protocol|typealias) (\w+)/) else {
                    continue
                }
                // sd_notify(3) calls its other end the service manager.
                if match.output.1 == "ServiceManager" { continue }
                #expect(
                    !match.output.1.contains(
                        /(Manager|Helper|Utils?|Service|Handler|Impl|Base|Common|Misc|Info|Data)$/),
                    "\(file.path): \(match.output.1)")
            }
        }
    }

    @Test func `nothing is left for later`() {
        let words = ["TO" + "DO", "FIX" + "ME", "XX" + "X"]
        for file in everything {
            for (index, line) in file.lines.enumerated() {
                for word in words where line.split(whereSeparator: { !$0.isLetter }).contains(Substring(word)) {
                    Issue.record("\(file.path):\(index + 1): \(word)")
                }
            }
        }
    }

    @Test func `nothing traps on an error it was given`() {
        for file in SourceTree.sources {
            for place in file.places(/\btry!|\bas!|\bfatalError\(/) { Issue.record("\(file.path):\(place)") }
        }
    }

    @Test func `what the map names exists`() throws {
        let map = try SourceTree.text("Sources/README.md")
        var count = 0
        for match in map.matches(of: /`([A-Za-z0-9_.+-]*(?:\/[A-Za-z0-9_.+-]+)*\/?)`/) {
            let name = String(match.output.1)
            guard name.contains("/") || name.hasSuffix(".swift") || name.hasSuffix(".md") else { continue }
            count += 1
            #expect(SourceTree.exists("Sources/" + name) || SourceTree.exists(name), "Sources/README.md names \(name)")
        }
        #expect(count > 20)
    }

    @Test func `the map names every target`() throws {
        let map = try SourceTree.text("Sources/README.md")
        for target in Set(SourceTree.sources.map(\.target)) {
            #expect(map.contains("`\(target)/`"), "Sources/README.md does not name \(target)/")
        }
    }
}
