// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "custom-harness",
    dependencies: [
        // In your own package: .package(url: "…", from: "…")
        .package(name: "wsperf", path: "../..")
    ],
    targets: [
        .executableTarget(name: "harness", dependencies: [.product(name: "WSPerfCore", package: "wsperf")])
    ]
)
