import Database
import Foundation

/// The engines that the store's tests run against.
enum Engine: String, CaseIterable, Sendable {
    case sqlite, postgres

    /// An empty database.
    func open(connections: Int, attempts: Int) async throws -> any Database {
        switch self {
        case .sqlite: return try SQLiteDatabase(.memory)
        case .postgres:
            var options = PostgresDatabase.Options()
            options.connections = connections
            options.attempts = attempts
            return try PostgresDatabase(url: try await Provisional.shared.url(), options: options)
        }
    }
}

/// PROVISIONAL
actor Provisional {
    static let shared = Provisional()
    var count = 0
    var prepared: Task<Void, any Error>?
    func url() async throws -> String {
        let server = ProcessInfo.processInfo.environment["TEST_PG"]!
        let url = try PostgresDatabase(url: server)
        if prepared == nil {
            prepared = Task {
                try await url.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public")
            }
        }
        try await prepared!.value
        count += 1
        let name = "inv-\(getpid())-\(count)"
        try await url.execute("CREATE SCHEMA \"\(raw: name)\"")
        await url.shutdown()
        return server + "?options=-csearch_path%3D%22\(name)%22%2Cpublic&application_name=\(name)"
    }
}
