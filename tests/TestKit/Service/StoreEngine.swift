public import Database
import Foundation
import Synchronization

/// The engines that whatever touches a store is tested on.
public enum StoreEngine: String, CaseIterable, Sendable {
    case sqlite, postgres

    /// An empty database: in memory, or a schema of its own on the tests' own server.
    /// - Parameters:
    ///   - connections: on PostgreSQL; opened when they are needed.
    ///   - attempts: on PostgreSQL: 1 where a deadlock is to be seen, and not to be run again.
    public func open(connections: Int = 4, attempts: Int = 10) async throws -> any Database {
        switch self {
        case .sqlite: return try SQLiteDatabase(.memory)
        case .postgres:
            var options = PostgresDatabase.Options()
            options.connections = connections
            options.attempts = attempts
            return try PostgresDatabase(url: try await url(), options: options)
        }
    }

    /// What `DATABASE_URL` is to be for an empty database.
    public func url() async throws -> String {
        switch self {
        case .sqlite: "sqlite::memory:"
        case .postgres: try await Provisional.url()
        }
    }
}

private enum Provisional {
    static let count = Atomic(0)

    static func url() async throws -> String {
        let server = ProcessInfo.processInfo.environment["TEST_PG"]!
        let database = try PostgresDatabase(url: server)
        let name = "stores-\(getpid())-\(count.add(1, ordering: .relaxed).newValue)"
        try await database.execute("CREATE SCHEMA \"\(raw: name)\"")
        await database.shutdown()
        return server + "?options=-csearch_path%3D%22\(name)%22&application_name=\(name)"
    }
}
