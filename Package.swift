// swift-tools-version: 6.2

import PackageDescription

// Every target is Swift 6 language mode (complete concurrency checking) with these on top.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let configuration = Target.Dependency.product(name: "Configuration", package: "swift-configuration")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let hummingbirdTesting = Target.Dependency.product(name: "HummingbirdTesting", package: "hummingbird")
let jwtKit = Target.Dependency.product(name: "JWTKit", package: "jwt-kit")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let serviceLifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let systemPackage = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let tracing = Target.Dependency.product(name: "Tracing", package: "swift-distributed-tracing")
let instrumentation = Target.Dependency.product(name: "Instrumentation", package: "swift-distributed-tracing")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")

let package = Package(
    name: "hello-dd",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "inventory-service", targets: ["InventoryServiceMain"]),
        .executable(name: "pricing-service", targets: ["PricingService"]),
        .executable(name: "api-gateway", targets: ["Gateway"]),
        .executable(name: "console", targets: ["ConsoleService"]),
        .executable(name: "hello-dd", targets: ["HelloDD"]),
        .library(name: "Resilience", targets: ["Resilience"]),
        .library(name: "Database", targets: ["Database"]),
        .library(name: "Redis", targets: ["Redis"]),
        .library(name: "Caching", targets: ["Caching"]),
        .library(name: "Telemetry", targets: ["Telemetry"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-configuration.git", from: "1.4.0", traits: ["CommandLineArguments"]),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-distributed-tracing.git", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        // Without "FullFoundation": it pulls ICU in and more than doubles a static binary.
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1", traits: ["ConfigurationSupport"]),
        .package(url: "https://github.com/apple/swift-system.git", from: "1.8.1"),
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift.git", from: "0.2.0"),
        .package(url: "https://github.com/vapor/jwt-kit.git", from: "5.7.1"),
    ],
    targets: [
        // platform: what every service stands on; not one shop word inside.
        .systemLibrary(
            name: "CSQLite", path: "platform/Sources/CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"]), .brew(["sqlite"])]),
        .systemLibrary(
            name: "CPostgreSQL", path: "platform/Sources/CPostgreSQL", pkgConfig: "libpq", providers: [.apt(["libpq-dev"]), .brew(["libpq"])]),
        .systemLibrary(name: "CZlib", path: "platform/Sources/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
        .target(name: "Basics", path: "platform/Sources/Basics", swiftSettings: strict),
        .target(name: "Resilience", dependencies: ["Basics"], path: "platform/Sources/Resilience", swiftSettings: strict),
        .target(name: "Simulation", dependencies: ["Basics", "Resilience"], path: "platform/Sources/Simulation", swiftSettings: strict),
        .target(
            name: "Telemetry",
            dependencies: [
                "Basics", "Resilience", asyncHTTPClient, coreMetrics, instrumentation, logging, metrics, nioCore, nioHTTP1, nioPosix, tracing,
            ],
            path: "platform/Sources/Telemetry", swiftSettings: strict),
        .target(
            name: "HTTPPath",
            dependencies: ["Basics", "Resilience", "Telemetry", asyncHTTPClient, httpTypes, logging, nioCore, nioHTTP1, nioPosix, tracing],
            path: "platform/Sources/HTTPPath", swiftSettings: strict
        ),
        .target(
            name: "Database",
            dependencies: ["Basics", "CPostgreSQL", "CSQLite", "Resilience", "Telemetry", logging, metrics, nioPosix, crypto, tracing],
            path: "platform/Sources/Database", swiftSettings: strict
        ),
        .target(name: "Processes", path: "platform/Sources/Processes", swiftSettings: strict),
        .target(
            name: "Redis", dependencies: ["Basics", "Resilience", "Telemetry", crypto, nioCore, nioPosix, nioSSL, tracing],
            path: "platform/Sources/Redis", swiftSettings: strict),
        .target(
            name: "Caching", dependencies: ["Basics", "Redis", "Resilience", "Telemetry", coreMetrics, metrics, nioCore],
            path: "platform/Sources/Caching", swiftSettings: strict),
        .target(
            name: "LocalServers", dependencies: ["Basics", "Processes", systemPackage], path: "platform/Sources/LocalServers", swiftSettings: strict),
        .target(name: "Chaos", dependencies: ["Basics", "HTTPPath"], path: "platform/Sources/Chaos", swiftSettings: strict),
        .target(
            name: "ServiceKit",
            dependencies: [
                "Basics", "Chaos", "Database", "HTTPPath", "Redis", "Resilience", "Telemetry",
                asyncHTTPClient, configuration, crypto, httpTypes, hummingbird, hummingbirdCore, jwtKit, logging, metrics, nioCore, nioHTTP1,
                nioPosix,
                serviceLifecycle, systemPackage, tracing, unixSignals,
            ],
            path: "platform/Sources/ServiceKit", swiftSettings: strict
        ),

        // observability: what the shop emits, for the services that emit it and for what is generated from it
        .target(name: "ShopTelemetry", dependencies: ["Telemetry"], path: "observability/Sources/ShopTelemetry", swiftSettings: strict),

        .target(
            name: "Observability", dependencies: ["HTTPPath", "ShopTelemetry", "Telemetry"], path: "observability/Sources/Observability",
            swiftSettings: strict),

        // inventory-service
        .target(
            name: "InventoryAPI", dependencies: ["Basics", "HTTPPath", httpTypes], path: "inventory-service/Sources/InventoryAPI",
            swiftSettings: strict),
        .target(
            name: "InventoryService",
            dependencies: [
                "Basics", "InventoryAPI", "Database", "HTTPPath", "Resilience", "ServiceKit", "ShopTelemetry", "Telemetry",
                hummingbird, configuration, httpTypes, logging, metrics, nioCore, serviceLifecycle,
            ],
            path: "inventory-service/Sources/InventoryService",
            resources: [.embedInCode("Resources")], swiftSettings: strict
        ),
        .executableTarget(
            name: "InventoryServiceMain", dependencies: ["InventoryService", "ServiceKit"], path: "inventory-service/Sources/InventoryServiceMain",
            swiftSettings: strict),

        // pricing-service
        .target(
            name: "PricingAPI", dependencies: ["Basics", "HTTPPath", httpTypes], path: "pricing-service/Sources/PricingAPI", swiftSettings: strict),
        .executableTarget(
            name: "PricingService",
            dependencies: [
                "Basics", "Caching", "PricingAPI", "Database", "HTTPPath", "Redis", "Resilience", "ServiceKit", "Telemetry", hummingbird,
                configuration, crypto, httpTypes, logging, nioCore, serviceLifecycle,
            ],
            path: "pricing-service/Sources/PricingService",
            resources: [.embedInCode("Resources")], swiftSettings: strict
        ),

        // api-gateway
        .target(
            name: "Payments", dependencies: ["Basics", "Database", "PricingAPI", logging],
            path: "api-gateway/Sources/Payments", resources: [.embedInCode("Resources")], swiftSettings: strict
        ),
        .target(
            name: "Orders",
            dependencies: [
                "Basics", "Payments", "InventoryAPI", "PricingAPI", "Database", "HTTPPath", "Resilience", "ServiceKit", "ShopTelemetry", "Telemetry",
                logging, metrics, nioCore, serviceLifecycle, tracing,
            ],
            path: "api-gateway/Sources/Orders", resources: [.embedInCode("Resources")], swiftSettings: strict
        ),
        .executableTarget(
            name: "Gateway",
            dependencies: [
                "Basics", "Orders", "Payments", "InventoryAPI", "PricingAPI", "Database", "HTTPPath", "Redis", "Resilience", "ServiceKit",
                "ShopTelemetry", "Telemetry", asyncHTTPClient, hummingbird, httpTypes, logging, nioCore, serviceLifecycle,
            ],
            path: "api-gateway/Sources/Gateway",
            resources: [.embedInCode("Resources")], swiftSettings: strict
        ),

        // console
        .executableTarget(
            name: "ConsoleService",
            dependencies: ["Basics", "CZlib", "HTTPPath", "ServiceKit", hummingbird, configuration, httpTypes, nioCore],
            path: "console/Sources/ConsoleService",
            resources: [.embedInCode("Resources")], swiftSettings: strict
        ),

        // hello-dd, the command line
        .executableTarget(
            name: "HelloDD",
            dependencies: [
                "Basics", "InventoryAPI", "PricingAPI", "Database", "HTTPPath", "LocalServers", "Observability", "Processes", "Resilience",
                "ServiceKit", logging,
                httpTypes,
                nioCore,
                nioHTTP1, nioPosix, asyncHTTPClient,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            path: "hello-dd/Sources/HelloDD", swiftSettings: strict
        ),

        // benchmarks: how fast it is, against others on the same machine
        .executableTarget(
            name: "InventoryBench",
            dependencies: ["Basics", "Database", "InventoryAPI", "InventoryService", "LocalServers", "Processes", "ServiceKit", nioCore, nioPosix],
            path: "benchmarks/inventory", exclude: ["README.md"], swiftSettings: strict),

        .target(name: "CAllocationCount", path: "benchmarks/CAllocationCount"),
        .executableTarget(
            name: "ResilienceBench", dependencies: ["Basics", "CAllocationCount", "Resilience"], path: "benchmarks/resilience",
            exclude: ["README.md"], swiftSettings: strict),
        .executableTarget(
            name: "CacheBench", dependencies: ["Basics", "Caching", "LocalServers", "Processes", "Redis", nioCore], path: "benchmarks/cache",
            exclude: ["README.md"], swiftSettings: strict),
        .executableTarget(
            name: "TelemetryBench", dependencies: ["Telemetry", coreMetrics, nioCore, nioHTTP1, nioPosix, tracing], path: "benchmarks/telemetry",
            exclude: ["README.md", "run.py"], swiftSettings: strict),

        // tests, beside what they test; what needs the whole system is in tests/
        .target(
            name: "TestKit",
            dependencies: [
                "Basics", "CSQLite", "Database", "HTTPPath", "LocalServers", "Processes", "Resilience", "ServiceKit", "Telemetry", crypto, httpTypes,
                jwtKit,
                logging, nioCore, nioHTTP1, nioPosix, serviceLifecycle, tracing,
            ], path: "tests/TestKit", swiftSettings: strict),
        .testTarget(name: "BasicsTests", dependencies: ["Basics"], path: "platform/Tests/BasicsTests", swiftSettings: strict),
        .testTarget(
            name: "ResilienceTests", dependencies: ["Basics", "Resilience", "TestKit"], path: "platform/Tests/ResilienceTests",
            swiftSettings: strict),
        .testTarget(
            name: "SimulationTests", dependencies: ["Basics", "Resilience", "Simulation"], path: "platform/Tests/SimulationTests",
            swiftSettings: strict),
        .testTarget(
            name: "ChaosTests", dependencies: ["Basics", "Chaos", "HTTPPath", "TestKit"], path: "platform/Tests/ChaosTests", swiftSettings: strict),
        .testTarget(
            name: "HTTPPathTests",
            dependencies: [
                "Basics", "HTTPPath", "Resilience", "ServiceKit", "Telemetry", "TestKit", asyncHTTPClient, hummingbird, httpTypes, nioCore, tracing,
            ],
            path: "platform/Tests/HTTPPathTests", swiftSettings: strict),
        .testTarget(
            name: "DatabaseTests",
            dependencies: ["Basics", "Database", "LocalServers", "Resilience", "Telemetry", "CSQLite", tracing],
            path: "platform/Tests/DatabaseTests",
            swiftSettings: strict),
        .executableTarget(
            name: "DatabaseSoak", dependencies: ["Basics", "Database", "LocalServers", "Resilience"], path: "platform/Tests/DatabaseSoak",
            swiftSettings: strict),
        .testTarget(name: "ProcessesTests", dependencies: ["Processes"], path: "platform/Tests/ProcessesTests", swiftSettings: strict),
        .testTarget(
            name: "RedisTests", dependencies: ["LocalServers", "Redis", "Resilience", "Telemetry", "TestKit", nioCore, tracing],
            path: "platform/Tests/RedisTests",
            swiftSettings: strict),
        .testTarget(
            name: "CachingTests",
            dependencies: ["Basics", "Caching", "LocalServers", "Redis", "Resilience", "Telemetry", "TestKit", coreMetrics, nioCore, tracing],
            path: "platform/Tests/CachingTests", swiftSettings: strict),
        .testTarget(
            name: "LocalServersTests", dependencies: ["Basics", "Database", "LocalServers", "TestKit"], path: "platform/Tests/LocalServersTests",
            swiftSettings: strict),
        .testTarget(
            name: "TelemetryTests", dependencies: ["Basics", "Telemetry", coreMetrics, metrics, logging, nioCore, tracing],
            path: "platform/Tests/TelemetryTests", exclude: ["Export/Golden"], swiftSettings: strict),
        .testTarget(
            name: "ObservabilityTests", dependencies: ["Observability", "Telemetry"], path: "observability/Tests/ObservabilityTests",
            swiftSettings: strict),
        .testTarget(
            name: "ServiceKitTests",
            dependencies: [
                "Basics", "Database", "ServiceKit", "TestKit", "HTTPPath", "Resilience", "Telemetry", asyncHTTPClient, crypto, hummingbird, httpTypes,
                jwtKit, logging, nioCore,
                serviceLifecycle,
            ], path: "platform/Tests/ServiceKitTests", swiftSettings: strict),
        .testTarget(
            name: "InventoryServiceTests",
            dependencies: [
                "Basics", "InventoryService", "InventoryAPI", "TestKit", "Database", "ServiceKit", "HTTPPath", httpTypes, hummingbird, nioCore,
            ],
            path: "inventory-service/Tests/InventoryServiceTests", swiftSettings: strict),
        .testTarget(
            name: "PricingServiceTests",
            dependencies: [
                "Basics", "PricingService", "PricingAPI", "TestKit", "Database", "Resilience", "ServiceKit", "HTTPPath", httpTypes, logging, nioCore,
            ], path: "pricing-service/Tests/PricingServiceTests", swiftSettings: strict),
        .testTarget(
            name: "PaymentsTests", dependencies: ["Basics", "Payments", "PricingAPI", "Database", "TestKit"], path: "api-gateway/Tests/PaymentsTests",
            swiftSettings: strict),
        .testTarget(
            name: "OrdersTests",
            dependencies: [
                "Basics", "Orders", "Payments", "InventoryAPI", "PricingAPI", "TestKit", "Database", "HTTPPath", "Resilience", "Telemetry", httpTypes,
                logging, nioCore, serviceLifecycle, tracing,
            ], path: "api-gateway/Tests/OrdersTests", swiftSettings: strict),
        .testTarget(
            name: "GatewayTests",
            dependencies: [
                "Basics", "Gateway", "InventoryService", "PricingService", "PricingAPI", "TestKit", "Resilience", "ServiceKit", "HTTPPath",
                "Telemetry", httpTypes, hummingbird, nioCore,
            ], path: "api-gateway/Tests/GatewayTests", swiftSettings: strict),
        .testTarget(
            name: "ConsoleServiceTests",
            dependencies: ["Basics", "ConsoleService", "TestKit", "HTTPPath", "ServiceKit", httpTypes, nioCore],
            path: "console/Tests/ConsoleServiceTests", swiftSettings: strict),
        .testTarget(
            name: "HelloDDTests",
            dependencies: [
                "Basics", "HelloDD", "HTTPPath", "InventoryAPI", "LocalServers", "PricingAPI", "Processes", "TestKit", httpTypes, nioCore,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "hello-dd/Tests/HelloDDTests", swiftSettings: strict),
        .testTarget(name: "HouseTests", dependencies: ["TestKit"], path: "tests/HouseTests", swiftSettings: strict),
        .executableTarget(
            name: "PacedService", dependencies: ["HTTPPath", "ServiceKit", hummingbird, nioCore], path: "tests/PacedService", swiftSettings: strict),
        .testTarget(
            name: "SystemTests",
            dependencies: [
                "Basics", "PacedService", "TestKit", "LocalServers", "HTTPPath", "Redis", "Resilience", "ServiceKit", "Database", asyncHTTPClient,
                httpTypes, nioCore, nioPosix,
            ],
            path: "tests/SystemTests", swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)

// `make test-tsan`: what the database needs and nothing else, because the thread sanitizer wants everything compiled anew. The packages
// stay, so that Package.resolved does.
if Context.environment["HELLO_DD_THREAD_SANITIZER"] != nil {
    let wanted: Set = ["CSQLite", "CPostgreSQL", "Basics", "Resilience", "Telemetry", "Database", "Processes", "LocalServers", "DatabaseTests"]
    package.products = []
    package.targets.removeAll { !wanted.contains($0.name) }
    for target in package.targets where target.type != .system { target.swiftSettings?.append(.define("THREAD_SANITIZER")) }
}
