import Basics
import Database
public import LocalServers

/// PostgreSQL for tests: one server for the process, and a database of its own for each that asks.
public enum TestPostgres {
    /// Started by the first that asks. It is gone when the process is, however that ends, and nothing of it remains.
    public static func shared() async throws -> LocalPostgres { try await starting.value }

    private static let starting = Task {
        // Many tests run at once, each with a pool.
        try await LocalPostgres.start(LocalPostgres.Options(durable: false, settings: ["max_connections": "500"]))
    }

    /// Makes and removes the databases.
    private static let administration = Task {
        var options = PostgresDatabase.Options()
        options.connections = 2
        return try PostgresDatabase(url: try await shared().adminURL, options: options)
    }

    static func administer(_ statement: String) async throws { try await administration.value.executeScript(statement) }

    /// Runs `body` with a server of its own, for a test that kills or configures it; removed afterwards.
    public static func withServer<T>(
        durable: Bool = true, settings: [String: String] = [:], tls: Bool = false, _ body: (LocalPostgres) async throws -> T
    ) async throws -> T {
        let server = try await LocalPostgres.start(LocalPostgres.Options(durable: durable, settings: settings, tls: tls))
        do {
            let result = try await body(server)
            await server.stop()
            return result
        } catch {
            await server.stop()
            throw error
        }
    }

    /// Runs SQL as the superuser and returns what it answers, a line for each row, columns with "|" between. By `psql`, which comes with
    /// the server: what is tested does not test itself.
    @discardableResult
    public static func psql(_ url: String, _ sql: String) async throws -> String {
        let server = try await shared()
        guard let psql = server.binaries.program("psql") else { throw PsqlFailure(description: "psql is not in \(server.binaries.folder)") }
        let arguments = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--command=\(sql)", url]
        let result = try await runCommand(psql, arguments)
        guard result.code == 0 else { throw PsqlFailure(description: result.errors) }
        return String(result.output.trimmingPrefix { $0 == "\n" }.reversed().trimmingPrefix { $0 == "\n" }.reversed())
    }
}

/// What `psql` said instead of answering.
public struct PsqlFailure: Error, CustomStringConvertible {
    public let description: String
}

/// Runs `body` with the URL of an empty database on the process' server; the database is gone afterwards.
///
/// PostgreSQL must be installed: without it the caller fails with what to install.
public func withPostgresDatabase<T>(_ body: (_ url: String) async throws -> T) async throws -> T {
    let server = try await TestPostgres.shared()
    // From template1, by its log: 25 ms here; copying its files takes twice as long.
    let name = "test_\(Sources.system.makeID())".replacing("-", with: "")
    try await TestPostgres.administer("CREATE DATABASE \(name)")
    let result: Result<T, any Error>
    do { result = .success(try await body(server.url(database: name))) } catch { result = .failure(error) }
    try await TestPostgres.administer("DROP DATABASE \(name) WITH (FORCE)")
    return try result.get()
}
