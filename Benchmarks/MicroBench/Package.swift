// swift-tools-version: 6.2
import PackageDescription

// Compiles WSPerfCore's sources (by symbolic links) together with the benchmarks, as one module: what is measured is
// what the engine calls, inlined as there, and nothing has to be made public for it.
let package = Package(
    name: "micro-bench",
    targets: [
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .target(name: "CLinux"),
        .target(name: "CInstructions"),
        .executableTarget(
            name: "micro-bench",
            dependencies: ["COpenSSL", "CLinux", "CInstructions"],
            path: "Sources/MicroBench",
            swiftSettings: [
                .swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("MemberImportVisibility"),
                .enableUpcomingFeature("InternalImportsByDefault"),
            ]),
    ]
)
