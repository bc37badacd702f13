// swift-tools-version: 6.2
import PackageDescription

// A separate package, so that users of WSPerf do not build it. It speaks the wire protocol by Docs/WireProtocol.md
// alone: only the snapshot's encoding and the journal's reader are WSPerf's.
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
