import Database
import Synchronization
import Testing

extension Store {
    /// Gives `body` a database on PostgreSQL, and somebody who looks on and interferes.
    static func withPostgres<T>(
        connections: Int = 4, parameters: String = "sslmode=disable", port: Int? = nil, attempts: Int = 100, statementCache: Int = 256,
        _ body: (PostgresDatabase, Administrator) async throws -> T
    ) async throws -> T {
        try await Engine.postgres.withStore { store in
            var options = PostgresDatabase.Options()
            options.connections = connections
            options.attempts = attempts
            options.statementCacheCapacity = statementCache
            options.connectTimeout = .seconds(60)
            options.applicationName = "test-\(UInt64.random(in: 0...(.max)))"
            let database = try store.open(options, parameters: parameters, port: port)
            return try await body(database, try Administrator(of: store, application: options.applicationName))
        }
    }
}

/// What an administrator of the server sees and does, on a connection of its own.
struct Administrator: Sendable {
    let store: Store
    let application: String
    let database: PostgresDatabase

    init(of store: Store, application: String) throws {
        var options = PostgresDatabase.Options()
        options.connections = 1
        options.connectTimeout = .seconds(60)
        self.store = store
        self.application = application
        database = try store.open(options)
    }

    func terminate(_ process: Int) async throws {
        try await database.query("SELECT pg_terminate_backend(\(process)::int)")
        try await until("NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = \(process))")
    }

    /// The connections that the database under test has.
    func connections() async throws -> Int {
        try await database.query("SELECT count(*) FROM pg_stat_activity WHERE application_name = \(application)")[0].decode(0)
    }

    /// Returns when the condition holds; the server is asked again and again.
    func until(_ condition: SQL) async throws {
        while try await !database.query("SELECT \(condition)")[0].decode(0, as: Bool.self) { await Task.yield() }
    }

    /// Returns when `count` connections of the database under test are inside of `pg_sleep`.
    func untilSleeping(_ count: Int = 1) async throws {
        try await until(
            "(SELECT count(*) FROM pg_stat_activity WHERE application_name = \(application) AND wait_event = 'PgSleep') = \(count)")
    }
}

extension SQLRunner {
    /// The number of the server's process behind this connection.
    func process() async throws -> Int { try await query("SELECT pg_backend_pid()")[0].decode(0) }
}

/// Lets tasks go on when a number of them have arrived; those that come later pass.
final class Rendezvous: Sendable {
    private let missing: Mutex<Int>
    private let met = Event()

    init(_ count: Int) { missing = Mutex(count) }

    func arrive() async {
        let isLast = missing.withLock { missing in
            missing -= 1
            return missing == 0
        }
        if isLast { met.happen() }
        await met.wait()
    }
}

/// A value that tasks share.
final class Shared<Value: Sendable>: Sendable {
    private let mutex: Mutex<Value>

    init(_ value: Value) { mutex = Mutex(value) }

    var value: Value { mutex.withLock { $0 } }

    func change(_ body: (inout Value) -> Void) { mutex.withLock { body(&$0) } }
}

/// Counts, from any task.
final class Counter: Sendable {
    private let count = Mutex(0)

    var value: Int { count.withLock { $0 } }

    @discardableResult func add() -> Int {
        count.withLock { count in
            count += 1
            return count
        }
    }
}

/// A small random generator that replays from its seed (source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators").
struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
