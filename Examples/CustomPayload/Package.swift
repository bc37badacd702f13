// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "custom-payload",
    dependencies: [
        // In your own package: .package(url: "…", from: "…")
        .package(name: "wsperf", path: "../..")
    ],
    targets: [
        .target(name: "ReadingPayload", dependencies: [.product(name: "WSPerfCore", package: "wsperf")]),
        .executableTarget(
            name: "reading-worker",
            dependencies: [
                "ReadingPayload",
                .product(name: "WSPerfCore", package: "wsperf"),
                .product(name: "WSPerfFleet", package: "wsperf"),
            ]),
        .testTarget(
            name: "ReadingPayloadTests",
            dependencies: [
                "ReadingPayload",
                .product(name: "WSPerfCore", package: "wsperf"),
                .product(name: "WSPerfTesting", package: "wsperf"),
            ]),
    ]
)
