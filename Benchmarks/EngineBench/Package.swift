// swift-tools-version: 6.2
import PackageDescription

// A separate package, so that users of WSPerf do not build it. It uses only WSPerf's public library, like any harness.
let package = Package(
    name: "engine-bench",
    dependencies: [
        .package(name: "wsperf", path: "../.."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    ],
    targets: [
        .executableTarget(
            name: "engine-bench",
            dependencies: [
                .product(name: "WSPerfCore", package: "wsperf"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/EngineBench",
            swiftSettings: [
                .swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("MemberImportVisibility"),
                .enableUpcomingFeature("InternalImportsByDefault"),
            ])
    ]
)
