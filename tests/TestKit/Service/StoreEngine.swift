public import Database
import LocalServers
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
        case .postgres: try await Schemas.url()
        }
    }
}

/// The tests' own server, with a schema for each test: made in a millisecond or two, and gone with the server.
private enum Schemas {
    private static let made = Atomic(0)
    private static let administrator = Task {
        var options = PostgresDatabase.Options()
        options.connections = 2
        return try PostgresDatabase(url: try await TestPostgres.shared().adminURL, options: options)
    }

    /// A URL with a schema of its own, and an application name by which its connections are told apart.
    static func url() async throws -> String {
        let name = "store_\(made.add(1, ordering: .relaxed).newValue)"
        try await administrator.value.execute("CREATE SCHEMA \(raw: name)")
        let url = try await TestPostgres.shared().adminURL
        // What extensions bring is in the schema "public".
        return url + (url.contains("?") ? "&" : "?") + "options=-csearch_path%3D\(name)%2Cpublic&application_name=\(name)"
    }
}
