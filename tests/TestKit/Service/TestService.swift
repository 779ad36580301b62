public import Basics
import Database
import HTTPPath
import Logging
import NIOCore
public import ServiceKit
import ServiceLifecycle
import Synchronization
import Telemetry

/// Where a service under test keeps its rows.
public enum TestStore: Sendable {
    /// `sqlite::memory:`: fast, and gone with the service.
    case memory
    /// Files in the service's own temporary folder, whose rows can be counted from outside: see ``RunningService/tableCounts()``.
    case files
    /// A schema of its own on the tests' PostgreSQL server.
    case postgres
}

/// A service that really runs: its own listener on a free port of loopback, its own pipeline, its own background work.
public struct RunningService: Sendable {
    public let name: String
    public let port: Int
    /// `http://127.0.0.1:PORT`.
    public let baseURL: String
    public let client: TestClient
    public let boot: Boot
    /// What the router knows, with kind and access.
    public let routes: [Routes.Entry]
    /// Its `DATA_DIR`, gone after the test.
    public let dataFolder: String
    /// Its `KEYS_DIR`; give it to a second service (`keys:`) so that each believes the other's tokens.
    public let keysFolder: String
    /// Everything it logged, at every level.
    public let logs: LogCapture
    let store: TestStore
    let control: Control

    /// Ways to end a service before `withService` does.
    struct Control: Sendable {
        let stop: @Sendable () async -> Void
        let abort: @Sendable () -> Void
    }

    /// Begins what SIGTERM begins. The service ends in its own time; `withService` waits for it.
    public func beginShutdown() async { await control.stop() }

    /// Ends the service without its drain and whatever it is at: nothing else should be asked of it afterwards.
    public func abort() { control.abort() }

    /// The number of rows of every table in every SQLite file of the data folder, by `file/table`.
    public func tableCounts() throws -> [String: Int] {
        guard store == .files else { throw TestKitError("rows can be counted from outside only with store: .files") }
        return try TestKit.tableCounts(folder: dataFolder)
    }

    /// The number of rows of a table, of whichever of the two engines.
    public func rowCount(_ table: String) async throws -> Int {
        guard store == .postgres, let url = try boot.settings.optional(ServiceSettings.databaseURL) else {
            guard let count = try tableCounts().first(where: { $0.key.hasSuffix("/\(table)") })?.value else {
                throw TestKitError("there is no table \(table)")
            }
            return count
        }
        let database = try PostgresDatabase(url: url)
        let result: Result<Int, any Error>
        do {
            result = .success(try await database.query("SELECT count(*) FROM \(raw: table)")[0].decode(0))
        } catch {
            result = .failure(error)
        }
        await database.shutdown()
        return try result.get()
    }
}

/// Runs a service as its `main` does, but for the process: settings are checked, parts are built, the group serves on a free port
/// of loopback until `body` has ended, then everything is shut down and closed, also if `body` throws.
///
/// - Parameters:
///   - settings: by the names of their variables; these win over what this function sets.
///   - sources: clock and identifiers. Tokens are made by the same clock.
///   - spans: where its spans go; nil: nothing is traced.
///   - keys: a folder of key pairs to share with another service; by default one of its own.
public func withService<T: Sendable>(
    _ definition: ServiceDefinition, settings: [String: String] = [:], sources: Sources = .system, keys: String? = nil,
    store: TestStore = .memory, spans: RecordedSpans? = nil, _ body: (RunningService) async throws -> T
) async throws -> T {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let keysFolder = settings["KEYS_DIR"] ?? keys ?? "\(folder.path)/keys"
    var values = [
        "HTTP_HOST": "127.0.0.1", "HTTP_PORT": "0", "DATA_DIR": "\(folder.path)/data", "KEYS_DIR": keysFolder, "DRAIN_SECONDS": "0",
        "SHUTDOWN_TIMEOUT_SECONDS": "60", "DD_ENV": "test",
        // No bound that a busy machine could miss; a test of a bound sets its own.
        "HTTP_REQUEST_TIMEOUT_SECONDS": "300", "SHED_QUEUE_TIME_SECONDS": "60", "SHED_PATIENCE_SECONDS": "60",
    ]
    switch store {
    case .memory: values["DATABASE_URL"] = "sqlite::memory:"
    case .files: break
    case .postgres:
        values["DATABASE_URL"] = try await StoreEngine.postgres.url()
        values["DATABASE_POOL_SIZE"] = "4"
    }
    values.merge(settings) { $1 }

    let inForce = Settings(values)
    try definition.check(inForce)
    let logs = LogCapture()
    let boot = Boot(
        service: definition.name, settings: inForce, logger: logs.logger(definition.name, metadataProvider: ServiceDefinition.logMetadata),
        sources: sources,
        telemetry: spans.map { spans in
            Telemetry(
                resource: Telemetry.Resource(service: definition.name, version: "test", environment: "test"),
                tracer: TelemetryTracer(sink: spans.of(definition.name)))
        })
    let parts = try await definition.build(boot)
    let outcome: Result<T, any Error>
    do {
        outcome = .success(
            try await run(definition, boot, parts) { port, control in
                let tokens = Tokens(folder: keysFolder, audience: definition.name, issuer: try inForce(ServiceSettings.issuer), sources: sources)
                let service = RunningService(
                    name: definition.name, port: port, baseURL: "http://127.0.0.1:\(port)",
                    client: TestClient(service: definition.name, port: port, tokens: tokens), boot: boot, routes: parts.routes,
                    dataFolder: "\(folder.path)/data", keysFolder: keysFolder, logs: logs, store: store, control: control)
                return try await body(service)
            })
    } catch {
        outcome = .failure(error)
    }
    await parts.close()
    return try outcome.get()
}

private func run<T: Sendable>(
    _ definition: ServiceDefinition, _ boot: Boot, _ parts: ServiceParts, _ body: (Int, RunningService.Control) async throws -> T
) async throws -> T {
    let (ports, continuation) = AsyncThrowingStream.makeStream(of: Int.self)
    let group = try definition.group(boot, parts) { channel in continuation.yield(channel.localAddress?.port ?? 0) }
    let serving = Task {
        do {
            try await group.run()
            continuation.finish()
        } catch {
            continuation.finish(throwing: error)
            throw error
        }
    }
    var port: Int?
    for try await first in ports {
        port = first
        break
    }
    guard let port else { throw TestKitError("\(definition.name) ended before it was ready") }
    let outcome: Result<T, any Error>
    do {
        let control = RunningService.Control(stop: { await group.triggerGracefulShutdown() }, abort: { serving.cancel() })
        outcome = .success(try await body(port, control))
    } catch {
        outcome = .failure(error)
    }
    await group.triggerGracefulShutdown()
    do { try await serving.value } catch { if !serving.isCancelled { throw error } }
    return try outcome.get()
}

/// Something wrong with a test's own machinery, in one sentence.
public struct TestKitError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}
