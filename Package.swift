// swift-tools-version: 6.2
import PackageDescription

var strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]
// Scripts/test sets this. Without it, a warning from another compiler must not stop anybody from building.
if Context.environment["WSPERF_WARNINGS_AS_ERRORS"] != nil { strict.append(.treatAllWarnings(as: .error)) }

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "wsperf",
    products: [
        .library(name: "WSPerfCore", targets: ["WSPerfCore"]),
        .library(name: "WSPerfFleet", targets: ["WSPerfFleet"]),
        .library(name: "WSPerfReport", targets: ["WSPerfReport"]),
        .library(name: "WSPerfTesting", targets: ["WSPerfTesting"]),
        .library(name: "WSPerfTestServer", targets: ["WSPerfTestServer"]),
        .executable(name: "wsperf-controller", targets: ["WSPerfController"]),
        .executable(name: "wsperf-listener", targets: ["WSPerfListener"]),
        .executable(name: "wsperf-worker", targets: ["WSPerfWorker"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0", traits: []),
        .package(url: "https://github.com/apple/swift-system", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.80.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    ],
    targets: [
        // The load engine. No ZeroMQ, no YAML parser, no SwiftNIO, no argument parser.
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .target(name: "CLinux"),
        .target(name: "WSPerfCore", dependencies: ["COpenSSL", "CLinux"], swiftSettings: strict),

        // Plan files and options: YAML and the command line in, `Plan` out. Only the controller links this, because Yams
        // imports all of Foundation.
        .target(
            name: "WSPerfPlanFile",
            dependencies: ["WSPerfCore", .product(name: "Yams", package: "Yams"), argumentParser],
            swiftSettings: strict),

        // Coordination of controller, listeners and workers.
        // (No pkgConfig: libzmq.pc names flags that the package manager refuses with a warning.)
        .systemLibrary(name: "CZeroMQ", providers: [.apt(["libzmq3-dev"])]),
        .target(
            name: "WSPerfFleet",
            dependencies: [
                "WSPerfCore", "CLinux", "COpenSSL", "CZeroMQ",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict),

        // The journal of a run, and the reports made from it.
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(
            name: "WSPerfReport", dependencies: ["CLinux", "WSPerfCore", "CZlib"],
            resources: [.embedInCode("Page/report.css"), .embedInCode("Page/report.js")], swiftSettings: strict),

        // A server to test against, and checks for a user's own conformances.
        .target(
            name: "WSPerfTestServer",
            dependencies: [
                "COpenSSL",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .target(name: "WSPerfTesting", dependencies: ["WSPerfCore", "WSPerfTestServer"], swiftSettings: strict),

        // Thin executables: flags, options, one library call.
        .target(
            name: "WSPerfCommand",
            dependencies: ["WSPerfCore", "WSPerfFleet", "WSPerfReport", argumentParser],
            swiftSettings: strict),
        .executableTarget(
            name: "WSPerfController",
            dependencies: [
                "WSPerfCommand", "WSPerfCore", "WSPerfFleet", "WSPerfPlanFile", "WSPerfReport", "WSPerfTestServer",
                argumentParser,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "WSPerfListener",
            dependencies: [
                "WSPerfCommand", "WSPerfFleet", argumentParser, .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "WSPerfWorker", dependencies: ["WSPerfCommand", "WSPerfCore", "WSPerfFleet", argumentParser],
            swiftSettings: strict),

        .testTarget(
            name: "WSPerfCoreTests",
            dependencies: ["WSPerfCore", "CZlib", .product(name: "Histogram", package: "hdrhistogram-swift")],
            swiftSettings: strict),
        .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter"),
        .testTarget(
            name: "WSPerfEngineTests",
            dependencies: ["WSPerfCore", "WSPerfTestServer", "CAllocationCounter", "COpenSSL"],
            swiftSettings: strict),
        .testTarget(
            name: "WSPerfPlanFileTests", dependencies: ["WSPerfCore", "WSPerfPlanFile", argumentParser],
            swiftSettings: strict),
        .testTarget(name: "WSPerfCommandTests", dependencies: ["WSPerfCommand", "WSPerfCore"], swiftSettings: strict),
        .testTarget(
            name: "WSPerfFleetTests",
            dependencies: ["WSPerfCore", "WSPerfFleet", "CZeroMQ", .product(name: "Logging", package: "swift-log")],
            swiftSettings: strict),
        .testTarget(
            name: "WSPerfReportTests", dependencies: ["WSPerfCore", "WSPerfReport"], exclude: ["Golden"],
            swiftSettings: strict),
        .testTarget(
            name: "WSPerfTestServerTests",
            dependencies: [
                "WSPerfTestServer", "COpenSSL",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .testTarget(name: "WSPerfTestingTests", dependencies: ["WSPerfCore", "WSPerfTesting"], swiftSettings: strict),
        // A worker that crashes, for the process tests.
        .executableTarget(
            name: "CrashingWorker", dependencies: ["WSPerfCore", "WSPerfFleet"], path: "Tests/CrashingWorker",
            swiftSettings: strict),
        // Runs a program without a system call that containers may deny.
        .executableTarget(name: "WithoutPreciseWaits", path: "Tests/WithoutPreciseWaits"),
        // The stock worker, which also writes its totals to a file: Scripts/chaos compares them with the report.
        .executableTarget(
            name: "TallyingWorker", dependencies: ["WSPerfCore", "WSPerfFleet"], path: "Tests/TallyingWorker",
            swiftSettings: strict),
        .testTarget(
            name: "WSPerfProcessTests",
            dependencies: [
                "WSPerfCore", "WSPerfFleet", "WSPerfReport", "WSPerfTestServer", "WSPerfController", "WSPerfListener",
                "WSPerfWorker", "CrashingWorker", "TallyingWorker",
            ],
            swiftSettings: strict),
    ]
)
