import Database
import Foundation
import LocalServers
import Synchronization
import Testing

/// The engines that the contract's tests run against.
enum Engine: String, CaseIterable, Sendable {
    case sqlite, postgres

    /// Gives `body` an empty store, and removes it afterwards.
    func withStore<T>(_ body: (Store) async throws -> T) async throws -> T {
        let store = try await Store(engine: self)
        do {
            let result = try await body(store)
            await store.remove()
            return result
        } catch {
            await store.remove()
            throw error
        }
    }

    /// Gives `body` an open, empty database.
    /// - Parameter connections: 1 where everybody is to wait for one another, as writers on SQLite do anyway.
    func withDatabase<T>(connections: Int = 4, waiterLimit: Int = 1024, _ body: (Opened) async throws -> T) async throws -> T {
        try await withStore { store in try await body(try store.open(connections: connections, waiterLimit: waiterLimit)) }
    }
}

/// A place that keeps data between one opening and the next: a folder for SQLite, a schema for PostgreSQL.
final class Store: Sendable {
    let engine: Engine
    private let name = "database-tests-\(UUID().uuidString.lowercased())"
    private let server: String
    private let opened = Mutex<[any Database]>([])

    init(engine: Engine) async throws {
        self.engine = engine
        server = engine == .postgres ? try await PostgresServer.shared().adminURL : ""
        if engine == .postgres { try await administer("CREATE SCHEMA \"\(raw: name)\"") }
    }

    var folder: String { FileManager.default.temporaryDirectory.path + "/" + name }
    var path: String { folder + "/test.sqlite" }

    /// Of the server, with the schema chosen.
    /// - Parameters:
    ///   - parameters: more of it; without TLS unless they say so.
    ///   - port: nil for the server's own.
    func url(_ parameters: String = "sslmode=disable", port: Int? = nil) -> String {
        var url = URLComponents(string: server)!
        url.port = port ?? url.port
        return url.string! + "?options=-csearch_path%3D%22\(name)%22&\(parameters)"
    }

    func open(connections: Int = 4, waiterLimit: Int = 1024) throws -> Opened {
        switch engine {
        case .sqlite:
            var options = SQLiteDatabase.Options()
            options.waiterLimit = waiterLimit
            return Opened(try open(options))
        case .postgres:
            var options = PostgresDatabase.Options()
            options.connections = connections
            options.waiterLimit = waiterLimit
            // What the tests are about is what comes out, not how often it takes many callers of one row to get there.
            options.attempts = 100
            options.connectTimeout = .seconds(60)
            return Opened(try open(options))
        }
    }

    func open(_ options: SQLiteDatabase.Options) throws -> SQLiteDatabase {
        let database = try SQLiteDatabase(path: path, options: options)
        opened.withLock { $0.append(database) }
        return database
    }

    func open(
        _ options: PostgresDatabase.Options, parameters: String = "sslmode=disable", port: Int? = nil
    ) throws -> PostgresDatabase {
        let database = try PostgresDatabase(url: url(parameters, port: port), options: options)
        opened.withLock { $0.append(database) }
        return database
    }

    func remove() async {
        for database in opened.withLock({ $0 }) { await database.shutdown() }
        switch engine {
        case .sqlite: try? FileManager.default.removeItem(atPath: folder)
        case .postgres: try? await administer("DROP SCHEMA \"\(raw: name)\" CASCADE")
        }
    }

    /// Runs a statement beside the store's own connections.
    func administer(_ sql: SQL) async throws {
        let database = try PostgresDatabase(url: url())
        do {
            try await database.execute(sql)
        } catch {
            await database.shutdown()
            throw error
        }
        await database.shutdown()
    }
}

/// A database, and what a test may know about the engine's inside.
struct Opened: Sendable {
    let database: any Database
    private let waiting: @Sendable () -> Int

    init(_ database: SQLiteDatabase) {
        self.database = database
        waiting = { database.statistics.waitingForWriter }
    }

    init(_ database: PostgresDatabase) {
        self.database = database
        waiting = { database.statistics.waitingForConnection }
    }

    /// Returns when `count` callers wait for the right to write, or for a connection.
    func untilWaiting(_ count: Int) async {
        while waiting() < count { await Task.yield() }
    }
}

/// Something that happens once, and that tasks wait for whatever becomes of them.
final class Event: Sendable {
    private struct State {
        var hasHappened = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    var hasHappened: Bool { state.withLock { $0.hasHappened } }

    func happen() {
        let waiters = state.withLock { state in
            state.hasHappened = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if !state.hasHappened { state.waiters.append(continuation) }
                return state.hasHappened
            }
            if isOver { continuation.resume() }
        }
    }
}

struct Refusal: Error, Equatable {}

/// The code of the database error that `body` throws; nil if it throws none.
func code(_ body: () async throws -> Void) async throws -> DatabaseError.Code? {
    do {
        try await body()
        return nil
    } catch let error as DatabaseError {
        return error.code
    }
}

/// Expects that `body` throws a database error with this code.
///
/// A function, because the compiler does not see a `try` that stands only inside of `#expect` when it infers a closure's type.
func expect(
    _ expected: DatabaseError.Code, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
) async throws {
    let found = try await code(body)
    #expect(found == expected, sourceLocation: sourceLocation)
}

/// Calls `body` until it throws no database error: while a server comes back, say. Ends with the task.
func untilItSucceeds(_ body: () async throws -> Void) async throws {
    while try await code(body) != nil {
        try Task.checkCancellation()
        await Task.yield()
    }
}

extension SQLRunner {
    func count(_ table: String) async throws -> Int {
        try await query("SELECT count(*) FROM \(raw: table)")[0].decode(0)
    }
}

/// The server that this process' tests share; it is gone when the process is. Without PostgreSQL all of them fail.
enum PostgresServer {
    static func shared() async throws -> LocalPostgres { try await starting.value }

    private static let starting = Task {
        // Many tests run at once, each with a pool.
        try await LocalPostgres.start(.init(durable: false, settings: ["max_connections": "400"], tls: true))
    }
}
