// swift-tools-version: 6.2
import PackageDescription

/// Settings of every Swift target: language mode 6, unsafe expressions must say so, no warning survives.
let house: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableExperimentalFeature("Lifetimes"),
]

/// Targets on the path of a request: an existential there is a build error (Sources/DECISIONS.md).
let hot: [SwiftSetting] =
    house + [
        .treatWarning("ExistentialType", as: .error),
        .unsafeFlags(["-cross-module-optimization", "-enforce-exclusivity=unchecked"], .when(configuration: .release)),
    ]

func door(_ name: String, _ pkgConfig: String, _ package: String) -> Target {
    .systemLibrary(name: name, path: "Sources/\(name)", pkgConfig: pkgConfig, providers: [.apt([package])])
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, path: "Tests/\(name)", swiftSettings: house)
}

let package = Package(
    name: "loginward",
    products: [
        .executable(name: "loginward", targets: ["Daemon"]),
        .executable(name: "loginward-demo", targets: ["Demo"]),
        .executable(name: "loginward-evaluate", targets: ["Evaluate"]),
    ],
    dependencies: [
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        // Doors to C. Exactly one Swift file owns each.
        .target(name: "CLinux", cSettings: [.define("_GNU_SOURCE")]),
        .target(name: "CChecksum"),
        .target(name: "CRE2", cxxSettings: [.unsafeFlags(["-std=c++17"])], linkerSettings: [.linkedLibrary("re2")]),
        door("COpenSSL", "openssl", "libssl-dev"),
        door("CZlib", "zlib", "zlib1g-dev"),
        door("CVectorscan", "libhs", "libvectorscan-dev"),
        door("CCurl", "libcurl", "libcurl4-openssl-dev"),
        door("CSQLite", "sqlite3", "libsqlite3-dev"),
        door("CNGHTTP2", "libnghttp2", "libnghttp2-dev"),
        // Its pkg-config file asks for a definition that SwiftPM refuses, and nothing else.
        .systemLibrary(name: "CUTF8Proc", path: "Sources/CUTF8Proc", providers: [.apt(["libutf8proc-dev"])]),
        .systemLibrary(name: "CInjection", path: "Sources/CInjection", providers: [.apt(["libmodsecurity-dev"])]),

        // Pure: bytes and time are arguments.
        .target(name: "Wire", dependencies: ["CZlib"], swiftSettings: hot),
        .target(name: "HTTP2", dependencies: ["Wire", "CNGHTTP2"], swiftSettings: hot),
        .target(name: "Patterns", dependencies: ["Wire", "CVectorscan", "CRE2"], swiftSettings: hot),
        .target(
            name: "Rules", dependencies: ["Wire", "Patterns", "CUTF8Proc", "CInjection"], swiftSettings: hot,
            linkerSettings: [.linkedLibrary(":libmodsecurity.a")]),
        .target(name: "Logins", dependencies: ["Wire", "Patterns", "COpenSSL"], swiftSettings: hot),
        .target(name: "Notify", dependencies: ["Wire", "Logins"], swiftSettings: house),
        .target(
            name: "Config",
            dependencies: [
                "Wire", "Patterns", "Rules", "Logins", "Notify", .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: house),

        // Effects.
        .target(name: "Transport", dependencies: ["Wire", "CLinux", "COpenSSL"], swiftSettings: hot),
        .target(
            name: "Proxy", dependencies: ["Transport", "HTTP2", "Rules", "Logins", "Patterns", "Wire"],
            swiftSettings: hot),
        .target(
            name: "Shipping", dependencies: ["Transport", "Wire", "Logins", "CCurl", "CChecksum"], swiftSettings: house),
        .target(name: "Lists", dependencies: ["Transport", "Rules", "Shipping", "Wire"], swiftSettings: house),
        .target(name: "Archive", dependencies: ["Transport", "Wire", "Logins", "CSQLite"], swiftSettings: house),
        .target(name: "Admin", dependencies: ["Transport", "Wire"], swiftSettings: house),
        .executableTarget(
            name: "Daemon",
            dependencies: [
                "Admin", "Archive", "Config", "Lists", "Logins", "Notify", "Patterns", "Proxy", "Rules", "Shipping",
                "Transport",
                "Wire",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: house),
        .executableTarget(name: "Demo", swiftSettings: house),
        // Rules over exchanges without a network, for the comparison with Datadog's own engine and for measuring.
        .executableTarget(
            name: "Evaluate", dependencies: ["Config", "Rules", "Wire"], path: "Tests/Differential/Evaluate",
            swiftSettings: house),

        tests("WireTests", ["Wire"]),
        tests("HTTP2Tests", ["HTTP2", "Wire"]),
        tests("PatternsTests", ["Patterns", "Wire"]),
        tests("RulesTests", ["Rules", "Patterns", "Wire"]),
        tests("LoginsTests", ["Logins", "Patterns", "Wire"]),
        tests("ConfigTests", ["Config", "Rules", "Logins", "Notify", "Wire"]),
        tests("TransportTests", ["Transport", "Wire"]),
        tests("ProxyTests", ["Proxy", "Transport", "Rules", "Logins", "Patterns", "Wire"]),
        tests("ShippingTests", ["Transport", "Shipping", "Logins", "Wire"]),
        tests("ListsTests", ["Lists", "Rules", "Shipping", "Wire"]),
        tests("ArchiveTests", ["Archive", "Logins", "Wire"]),
        tests("AdminTests", ["Admin", "Transport", "Wire"]),
        tests("NotifyTests", ["Notify", "Logins", "Wire"]),
        tests("TidyTests", []),
    ],
    cxxLanguageStandard: .cxx17
)

// `make bench` builds what measures lists, beside the daemon.
if Context.environment["LOGINWARD_BENCH"] != nil {
    package.targets.append(
        .executableTarget(
            name: "ListBench", dependencies: ["Rules", "Wire"], path: "Tests/Bench/Lists", swiftSettings: house))
    package.products.append(.executable(name: "loginward-lists", targets: ["ListBench"]))
}

// `make fuzz` builds the parsers with coverage and the address sanitizer, in a folder of its own.
if Context.environment["LOGINWARD_FUZZ"] != nil {
    let fuzzed = ["Wire", "HTTP2", "Patterns", "Rules", "Logins", "Config", "Transport", "Proxy", "Shipping"]
    let instrumented: [SwiftSetting] = [.unsafeFlags(["-sanitize=fuzzer,address"])]
    for target in package.targets where fuzzed.contains(target.name) {
        target.swiftSettings = (target.swiftSettings ?? []) + instrumented
    }
    package.targets.append(
        .executableTarget(
            name: "Fuzz", dependencies: fuzzed.map { .byName(name: $0) }, path: "Tests/Fuzz",
            exclude: ["Corpus"],
            swiftSettings: house + instrumented,
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]))
    package.products.append(.executable(name: "loginward-fuzz", targets: ["Fuzz"]))
}
