import Basics
public import Database
import HTTPPath
import Hummingbird
import NIOCore
import Resilience
import Synchronization
import Telemetry

/// Whether this process wants traffic: after its start and before its drain. A dependency that is down is reported and changes
/// nothing here, because taking every replica out of service at once helps nobody.
public final class Readiness: Sendable {
    public enum State: String, Sendable {
        case starting, ready, draining
    }

    private let value = Mutex(State.starting)

    public init() {}

    public var state: State { value.withLock { $0 } }

    public func becomeReady() {
        value.withLock { state in if state == .starting { state = .ready } }
    }

    public func drain() { value.withLock { $0 = .draining } }
}

/// One thing a service depends on, and how to see whether it is there.
public struct HealthCheck: Sendable {
    public let name: String
    /// What stands behind the name, such as `postgresql`; nil where there is but one possibility. Never an address: anybody may read it.
    public let engine: String?
    /// Throws what is wrong; bounded by a second whatever it does.
    public let check: @Sendable () async throws -> Void

    public init(_ name: String, engine: String? = nil, _ check: @escaping @Sendable () async throws -> Void) {
        self.name = name
        self.engine = engine
        self.check = check
    }

    /// Whether the service's database answers.
    public static func database(_ database: any Database) -> HealthCheck {
        let engine =
            switch database.dialect {
            case .sqlite: "sqlite"
            case .postgres: "postgresql"
            }
        return HealthCheck("database", engine: engine) { try await database.query("SELECT 1 AS one") }
    }

    struct Result: JSONWritable {
        let name: String
        let engine: String?
        let error: String?
        let duration: Duration

        func write(to json: inout JSONWriter) {
            json.object {
                $0.field("name", name)
                $0.field("engine", engine)
                $0.field("status", error == nil ? "up" : "down")
                $0.field("detail", error)
                $0.field("milliseconds", Double(duration.microseconds) / 1000)
            }
        }
    }

    func run() async -> Result {
        let start = ContinuousClock.now
        do {
            try await withTimeout(.seconds(1)) { try await check() }
            return Result(name: name, engine: engine, error: nil, duration: .now - start)
        } catch {
            return Result(name: name, engine: engine, error: Problem.describe(error), duration: .now - start)
        }
    }

    static func all(_ checks: [HealthCheck]) async -> [Result] {
        await withTaskGroup(of: (Int, Result).self) { group in
            for (index, check) in checks.enumerated() { group.addTask { (index, await check.run()) } }
            var results: [(Int, Result)] = []
            for await result in group { results.append(result) }
            return results.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }
}

extension Routes {
    /// The routes that every service has.
    public static let standardAccess: AccessTable = [
        "GET /health/live": .anyone, "GET /health/ready": .anyone, "GET /health": .anyone, "GET /metrics": .anyone, "GET /version": .anyone,
        "GET /openapi.json": .anyone, "GET /docs": .anyone,
    ]

    func addStandard(_ boot: Boot, health checks: [HealthCheck], openAPI: [UInt8]) {
        let readiness = boot.readiness
        let started = ContinuousClock.now
        let document = ByteBuffer(bytes: openAPI)
        let page = docsPage(openAPI: openAPI, service: boot.service)
        let telemetry = boot.telemetry
        on("GET /health/live") { _, _ in .json(JSON.object([.init("status", .string("live"))])) }
        on("GET /health/ready") { _, _ in
            let state = readiness.state
            guard state == .ready else { throw Problem(503, "not_ready", "The service is \(state.rawValue).", retryAfterSeconds: 1) }
            let results = await HealthCheck.all(checks)
            return .json(
                bytes: JSONWriter.object { json in
                    json.field("status", state.rawValue)
                    json.field("dependencies", results)
                })
        }
        on("GET /health") { _, _ in
            let results = await HealthCheck.all(checks)
            let allUp = results.allSatisfy { $0.error == nil }
            return .json(
                bytes: JSONWriter.object { json in
                    json.field("service", boot.service)
                    json.field("version", BuildInfo.version)
                    json.field("status", allUp ? "up" : "degraded")
                    json.field("state", readiness.state.rawValue)
                    json.field("uptimeSeconds", Int((ContinuousClock.now - started).inSeconds))
                    json.field("dependencies", results)
                })
        }
        on("GET /version") { _, _ in
            .json(
                bytes: JSONWriter.object { json in
                    json.field("service", boot.service)
                    json.field("version", BuildInfo.version)
                })
        }
        on("GET /metrics") { request, _ in
            // The text format is what a person with curl wants; a scraper asks for the one with exemplars.
            if request.preferredMediaType(of: ["text/plain", "application/openmetrics-text"]) == "application/openmetrics-text" {
                return .bytes(
                    ByteBuffer(string: telemetry?.renderOpenMetrics() ?? "# EOF\n"),
                    type: "application/openmetrics-text; version=1.0.0; charset=utf-8")
            }
            return .bytes(
                ByteBuffer(string: telemetry?.renderPrometheus() ?? "# this process collects no metrics\n"),
                type: "text/plain; version=0.0.4; charset=utf-8")
        }
        on("GET /openapi.json") { _, _ in .json(bytes: document, headers: [.cacheControl: "no-cache"]) }
        on("GET /docs") { _, _ in
            .bytes(
                page, type: "text/html; charset=utf-8",
                headers: [
                    .contentSecurityPolicy: "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'", .cacheControl: "no-cache",
                ])
        }
    }
}

/// What was built. The version is that of the whole repository.
public enum BuildInfo {
    public static let version = "0.1.0"
}
