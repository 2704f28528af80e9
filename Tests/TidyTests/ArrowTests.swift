// SPDX-License-Identifier: Apache-2.0

import Testing

/// Who may import whom. A new arrow is a new line here and a paragraph in Sources/DECISIONS.md.
@Suite struct ArrowTests {
    /// Modules of the toolchain that any target may use.
    static let language: Set = ["Glibc", "Synchronization", "Dispatch"]

    static let allowed: [String: Set<String>] = [
        "Wire": ["CZlib"],
        "Patterns": ["Wire", "CVectorscan", "CRE2"],
        "Rules": ["Wire", "Patterns", "CUTF8Proc", "CInjection"],
        "Logins": ["Wire", "Patterns", "COpenSSL"],
        "Notify": ["Wire", "Logins"],
        "Config": ["Wire", "Patterns", "Rules", "Logins", "Notify", "Yams", "Foundation"],
        "Transport": ["Wire", "CLinux", "COpenSSL"],
        "HTTP2": ["Wire", "CNGHTTP2"],
        "Proxy": ["Transport", "HTTP2", "Rules", "Logins", "Patterns", "Wire"],
        "Shipping": ["Transport", "Wire", "Logins", "CCurl", "CChecksum"],
        "Lists": ["Transport", "Rules", "Shipping", "Wire"],
        "Archive": ["Transport", "Wire", "Logins", "CSQLite"],
        "Admin": ["Transport", "Wire"],
        "Daemon": [
            "Admin", "Archive", "Config", "Lists", "Logins", "Notify", "Patterns", "Proxy", "Rules", "Shipping",
            "Transport",
            "Wire",
            "ArgumentParser",
            "Logging", "Foundation", "FoundationEssentials",
        ],
        "Demo": ["FoundationEssentials"],
        "Fuzz": ["Wire", "Rules", "Logins", "Patterns", "Config", "Transport", "Proxy", "Shipping", "HTTP2"],
        "ListBench": ["Rules", "Wire"],
        "Evaluate": ["Config", "Rules", "Wire"],
    ]

    /// Threads and clocks belong to the targets with effects.
    static let pure: Set = ["Wire", "HTTP2", "Patterns", "Rules", "Logins", "Notify", "Config"]

    @Test func `imports follow the arrows`() {
        #expect(SourceTree.sources.count > 20)
        for file in SourceTree.sources {
            guard let allowed = Self.allowed[file.target] else {
                Issue.record("\(file.path): unknown target \(file.target)")
                continue
            }
            for module in file.imports where !allowed.contains(module) && !Self.language.contains(module) {
                Issue.record("\(file.path): \(file.target) may not import \(module)")
            }
        }
    }

    @Test func `pure targets have no threads`() {
        for file in SourceTree.sources where Self.pure.contains(file.target) {
            #expect(!file.imports.contains("Dispatch"), "\(file.path) imports Dispatch")
        }
    }

    @Test func `only the owners open the doors to C`() {
        for file in SourceTree.sources {
            for module in file.imports where module.wholeMatch(of: /C[A-Z]\w+/) != nil {
                #expect(Self.owners[module, default: []].contains(file.path), "\(file.path) imports \(module)")
            }
        }
    }

    /// OpenSSL has five, one of them for its digest: its objects live in sessions, contexts and the cache between them, and share the reading of its error queue.
    static let owners: [String: Set<String>] = [
        "CZlib": ["Sources/Wire/Deflater.swift", "Sources/Wire/Inflater.swift"],
        "CUTF8Proc": ["Sources/Rules/Transforms/UnicodeNormalize.swift"],
        "CInjection": ["Sources/Rules/Matchers/Injection.swift"],
        "CNGHTTP2": ["Sources/HTTP2/HTTP2Callbacks.swift", "Sources/HTTP2/HTTP2Session.swift"],
        "CRE2": ["Sources/Patterns/Pattern.swift"],
        "CVectorscan": ["Sources/Patterns/PatternDatabase.swift"],
        "CLinux": ["Sources/Transport/Processes.swift", "Sources/Transport/SystemCall.swift"],
        "COpenSSL": [
            "Sources/Logins/Digest.swift", "Sources/Logins/MessageCode.swift",
            "Sources/Transport/OpenSSL.swift", "Sources/Transport/TLSContext.swift",
            "Sources/Transport/TLSSession.swift",
            "Sources/Transport/TLSSessionCache.swift",
            "Sources/Transport/TLSPrint.swift",
        ],
        "CChecksum": ["Sources/Shipping/Spool/CRC32C.swift"],
        "CCurl": [
            "Sources/Shipping/HTTPClient.swift", "Sources/Shipping/LineConnection.swift",
            "Sources/Shipping/MailClient.swift",
        ],
        "CSQLite": ["Sources/Archive/Database.swift"],
    ]
}
