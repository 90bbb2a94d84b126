// swift-tools-version: 6.2
import PackageDescription

let tests: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]
let sources = tests + [.strictMemorySafety()]

// Swift compiles for SSE2 unless told otherwise, and calls libm for a square root; the loops that oneDNN does not have
// want AVX2 and its instruction.
let kernels = sources + [.unsafeFlags(["-Xcc", "-march=x86-64-v3", "-Xcc", "-fno-math-errno"])]

// Debian keeps each build of OpenBLAS in a folder of its own, and the OpenMP one shares oneDNN's threads.
let openBLASFolder = "/usr/lib/x86_64-linux-gnu/openblas-openmp"

let package = Package(
    name: "layercollapse",
    products: [.executable(name: "layercollapse", targets: ["layercollapse"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0", traits: []),
        .package(url: "https://github.com/apple/swift-configuration", exact: "1.4.0"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
    ],
    targets: [
        // What Linux has for serving many sockets, and Swift's `Glibc` leaves out.
        .systemLibrary(name: "CEpoll"),
        .systemLibrary(name: "CProcess"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "COneDNN", providers: [.apt(["libdnnl-dev"])]),
        .systemLibrary(name: "CLAPACK", providers: [.apt(["libopenblas-openmp-dev"])]),
        // Descriptors, durable files and the errors of system calls.
        .target(name: "SystemCalls", dependencies: ["CProcess"], swiftSettings: sources),
        // Text from outside, compared as bytes.
        .target(name: "ByteText", swiftSettings: sources),
        // The typed options of a job, from the edge to the search.
        .target(name: "Options", swiftSettings: sources),
        // What the server and a job process agree on.
        .target(
            name: "JobContract", dependencies: ["ByteText", "Options", "SystemCalls", "COpenSSL"],
            swiftSettings: sources),
        .target(
            name: "HTTP",
            dependencies: [
                "ByteText", "SystemCalls", "CEpoll",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: sources),
        .target(
            name: "Compute",
            dependencies: ["COneDNN", "CLAPACK"],
            swiftSettings: kernels,
            linkerSettings: [
                .unsafeFlags(["-L\(openBLASFolder)", "-Xlinker", "-rpath", "-Xlinker", openBLASFolder])
            ]),
        .target(name: "Model", dependencies: ["Compute"], swiftSettings: sources),
        .target(
            name: "Formats", dependencies: ["ByteText", "SystemCalls", "Model", "Compute", "CZlib"],
            swiftSettings: sources),
        .target(name: "Collapse", dependencies: ["ByteText", "Options", "Model", "Compute"], swiftSettings: sources),
        .target(
            name: "Jobs",
            dependencies: [
                "ByteText", "SystemCalls", "CProcess", "JobContract",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: sources),
        // What one job process does. It can name neither the server nor the queue.
        .target(
            name: "Pipeline",
            dependencies: [
                "ByteText", "SystemCalls", "CProcess", "JobContract", "Options", "Formats", "Collapse", "Model",
                "Compute",
            ],
            swiftSettings: sources),
        // The server. It can name nothing that computes.
        .target(
            name: "Service",
            dependencies: [
                "ByteText", "SystemCalls", "HTTP", "Jobs", "JobContract", "Options",
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: sources),
        .executableTarget(
            name: "layercollapse",
            dependencies: [
                "ByteText", "SystemCalls", "JobContract", "Options", "Pipeline", "Service",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: sources),
        // What several test targets share.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: tests),
        .testTarget(
            name: "SystemCallsTests", dependencies: ["SystemCalls", "TestSupport"], swiftSettings: tests),
        .testTarget(name: "ByteTextTests", dependencies: ["ByteText"], swiftSettings: tests),
        .testTarget(
            name: "HTTPTests",
            dependencies: [
                "HTTP", "SystemCalls", .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: tests),
        .testTarget(name: "ComputeTests", dependencies: ["Compute"], swiftSettings: tests),
        .testTarget(
            name: "ModelTests", dependencies: ["Model", "Compute"], resources: [.copy("Fixtures")],
            swiftSettings: tests),
        .testTarget(
            name: "FormatsTests", dependencies: ["Formats", "Model", "Compute"],
            resources: [.copy("Fixtures")], swiftSettings: tests),
        .testTarget(
            name: "CollapseTests", dependencies: ["Collapse", "Options", "Model", "Compute"], swiftSettings: tests),
        .testTarget(
            name: "JobsTests",
            dependencies: [
                "Jobs", "JobContract", "SystemCalls", "TestSupport",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: tests),
        .testTarget(
            name: "JobContractTests", dependencies: ["JobContract", "Options", "SystemCalls", "TestSupport"],
            swiftSettings: tests),
        .testTarget(
            name: "PipelineTests",
            dependencies: [
                "Pipeline", "JobContract", "Options", "TestSupport", "Formats", "Collapse", "Model", "Compute",
            ],
            swiftSettings: tests),
        .testTarget(
            name: "ServiceTests",
            dependencies: [
                "Service", "HTTP", "Jobs", "JobContract", "Options", "SystemCalls", "TestSupport",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: tests),
        .testTarget(name: "HouseTests", swiftSettings: tests),
    ]
)
