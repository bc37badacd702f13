// swift-tools-version: 6.2
import PackageDescription

// A separate package, so that users of WSPerf do not build it. It implements the wire protocol from
// Docs/WireProtocol.md, and shares only the encoding of snapshots and the journal's reader with WSPerf.
let package = Package(
    name: "fleet-simulator",
    dependencies: [.package(name: "wsperf", path: "../..")],
    targets: [
        .systemLibrary(name: "CZeroMQClient", providers: [.apt(["libzmq3-dev"])]),
        .executableTarget(
            name: "fleet-simulator",
            dependencies: [
                "CZeroMQClient",
                .product(name: "WSPerfCore", package: "wsperf"),
                .product(name: "WSPerfReport", package: "wsperf"),
            ],
            path: "Sources/FleetSimulator",
            swiftSettings: [
                .swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("MemberImportVisibility"),
                .enableUpcomingFeature("InternalImportsByDefault"),
            ]),
    ]
)
