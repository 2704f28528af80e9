// SPDX-License-Identifier: Apache-2.0

import Glibc
import Patterns
import Rules
import Wire

/// What rules do with the bytes of requests, and the lists that operators fetch from elsewhere.
extension Fuzz {
    static let rules = [
        Fuzz(name: "transforms", run: transforms), Fuzz(name: "denylist", run: denylist),
        Fuzz(name: "list-record", run: listRecord),
        Fuzz(name: "patterns", run: patterns), Fuzz(name: "injection", run: injection),
    ]

    private static func transforms(_ bytes: Span<UInt8>) {
        for transform in Transform.allCases {
            var out: [UInt8] = []
            transform.apply(bytes, into: &out)
            // One code point of three bytes may stand for eighteen.
            let growth = transform == .unicodeNormalize ? 12 : 3
            precondition(out.count <= bytes.count * growth + 4)
        }
    }

    /// libinjection is not built here, so only what it does to the process is seen.
    private static func injection(_ bytes: Span<UInt8>) {
        _ = Injection.isSQL(bytes)
        _ = Injection.isScript(bytes)
    }

    private static func denylist(_ bytes: Span<UInt8>) {
        var contents: [UInt8] = []
        contents.append(bytes)
        let (list, problems) = DenylistReader.read([(path: "list", contents: contents)])
        precondition((list == nil) == !problems.isEmpty)
        guard let list else { return }
        _ = list.find(address: .loopback, now: 0)
        _ = list.find(.login, bytes, now: 0)
        list.forEach { entry in
            _ = entry.line
            return true
        }
    }

    /// A journal of lists that somebody damaged: what is read is written as it was.
    private static func listRecord(_ bytes: Span<UInt8>) {
        guard let change = ListRecord.read(bytes) else { return }
        let written = ListRecord.write(change)
        precondition(ListRecord.read(written.span) == change)
        var overlay = ListOverlay(seed: 1)
        if case .set(_, let entry) = change {
            overlay.set(entry)
            precondition(overlay.remove(entry.subject) && overlay.isEmpty)
        }
    }

    /// Expressions of the kinds that rules use.
    private static let expressions = [
        "^python-requests/", "(?:^|/)\\.env(\\.[a-z]+)*$", "\\bunion\\b[\\s/*+(]{1,40}(all\\b)?select\\b", "a.c",
        "[^a-z]{3}$", "^$", "\\$\\{",
        "x*y+z?", "(sql|xss)map", "\\d{2,4}-\\d", "\\.\\./", "\\w+@\\w+", "é",
    ]

    private static let engines: (fast: PatternDatabase, slow: PatternDatabase)? = {
        let sources = expressions.flatMap {
            [
                PatternDatabase.Source(expression: $0, caseInsensitive: false),
                .init(expression: $0, caseInsensitive: true),
            ]
        }
        guard let fast = try? PatternDatabase(sources), let slow = try? PatternDatabase(sources, usesVectorscan: false)
        else { return nil }
        return (fast, slow)
    }()

    /// Vectorscan and RE2 must answer alike.
    private static func patterns(_ bytes: Span<UInt8>) {
        guard let engines else { preconditionFailure("an expression is refused") }
        let fast = PatternScratch()
        let slow = PatternScratch()
        engines.fast.prepare(fast)
        engines.slow.prepare(slow)
        engines.fast.scan(bytes, scratch: fast)
        engines.slow.scan(bytes, scratch: slow)
        let difference = Set(fast.matched).symmetricDifference(slow.matched)
        if difference.isEmpty { return }
        // A precondition's words are not printed by a release build.
        print(
            "Vectorscan and RE2 differ on \(difference.sorted().map { "\(expressions[Int($0) / 2]) caseless=\($0 % 2)" })"
        )
        fflush(nil)
        preconditionFailure()
    }
}
