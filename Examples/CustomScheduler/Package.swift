// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "custom-scheduler",
    dependencies: [
        // In your own package: .package(url: "…", from: "…")
        .package(name: "wsperf", path: "../..")
    ],
    targets: [
        .executableTarget(
            name: "burst-worker",
            dependencies: [
                .product(name: "WSPerfCore", package: "wsperf"),
                .product(name: "WSPerfFleet", package: "wsperf"),
            ])
    ]
)
