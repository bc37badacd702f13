// swift-tools-version: 6.2
import PackageDescription

// Compiles WSPerfCore's sources (by symbolic links) together with the benchmarks, as one module. So the benchmarks call
// the same code as the engine, inlined in the same way, and nothing must be public for them.
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
