// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "custom-client",
    dependencies: [
        // In your own package: .package(url: "…", from: "…")
        .package(name: "wsperf", path: "../.."),
        .package(url: "https://github.com/apple/swift-nio", from: "2.80.0"),
    ],
    targets: [
        .target(
            name: "NIOClient",
            dependencies: [
                .product(name: "WSPerfCore", package: "wsperf"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
            ]),
        .executableTarget(
            name: "nio-worker",
            dependencies: [
                "NIOClient",
                .product(name: "WSPerfCore", package: "wsperf"),
                .product(name: "WSPerfFleet", package: "wsperf"),
            ]),
        .testTarget(
            name: "NIOClientTests",
            dependencies: [
                "NIOClient",
                .product(name: "WSPerfCore", package: "wsperf"),
                .product(name: "WSPerfTesting", package: "wsperf"),
            ]),
    ]
)
