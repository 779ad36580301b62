import Basics
import Resilience

/// A database on a PostgreSQL server, 14 or newer, by libpq.
///
/// - One thread waits for all connections; a statement of its own, a transaction, or a listener leases one.
/// - Statements are prepared once for each connection. Values are sent with their types: integers as `bigint`, texts as `text`, times as
///   `timestamptz`, identifiers as `uuid`; NULL and lists without one.
/// - The deadline is kept by asking the server to stop the statement; `statement_timeout` stands behind it, for when this process is gone.
/// - A connection that is lost is opened anew by the next caller. While the server is down callers are refused at once with `unavailable`,
///   and after a jittered back-off of up to 2 seconds the next ones try again.
///
/// `BEGIN`, `COMMIT`, `SAVEPOINT`, `SET` (other than `SET LOCAL`), `LISTEN`, `COPY` and their like are refused as statements.
public final class PostgresDatabase: Database {
    public struct Options: Sendable {
        /// Connections at most; also what a service may take of the server's `max_connections`.
        public var connections = 8
        /// Callers that may wait for a connection; one more gets `poolExhausted`.
        public var waiterLimit = 1024
        /// Prepared statements kept by each connection, here and in the server's memory.
        public var statementCacheCapacity = 256
        /// How long opening a connection may take; libpq counts whole seconds, and at least 2.
        public var connectTimeout = Duration.seconds(5)
        /// How often a transaction or statement is run at most where others were in its way.
        public var attempts = 10
        /// What the server's own views call this program.
        public var applicationName = "hello-dd"

        public init() {}
    }

    public let dialect = Dialect.postgres
    /// Where the server is, for logs: `host:port`, with commas between several. A host that begins with `/` is the folder of a Unix socket.
    public let server: String
    package var statistics: Statistics { Statistics(waitingForConnection: pool.waiterCount) }

    private let loop: PostgresLoop
    private let connections: [PostgresConnection]
    private let pool: Pool<PostgresConnection>
    private let rerun: Rerun
    private let instruments: DatabaseInstruments

    /// Nothing is connected yet: the first caller does it, or ``warmUp()``.
    ///
    /// Throws `unavailable` if `url` cannot be read; the message does not quote it.
    /// - Parameter url: as libpq reads it: `postgres://user:password@host:port/name?sslmode=…`, or `host=… dbname=…`.
    public init(url: String, options: Options = Options()) throws(DatabaseError) {
        precondition(options.connections > 0 && options.waiterLimit > 0 && options.statementCacheCapacity > 0 && options.attempts > 0)
        if let problem = LibPQConnection.problem(in: url) {
            throw DatabaseError(.unavailable, "the address of the PostgreSQL server cannot be read: \(problem)")
        }
        server = Self.server(of: url)
        let defaults = [
            ("connect_timeout", String(max(2, Int64(options.connectTimeout.inSeconds.rounded(.up))))),
            ("application_name", options.applicationName),
            // A server that is gone without a word is noticed within about half a minute.
            ("keepalives_idle", "10"), ("keepalives_interval", "5"), ("keepalives_count", "4"), ("tcp_user_timeout", "30000"),
        ]
        loop = try PostgresLoop { () throws(DatabaseError) in try LibPQConnection.open(url, defaults: defaults) }
        connections = (0..<options.connections).map { _ in PostgresConnection(statementCacheCapacity: options.statementCacheCapacity) }
        pool = Pool(connections, waiterLimit: options.waiterLimit, what: "a connection to the database", name: "connections")
        instruments = DatabaseInstruments(system: "postgresql", namespace: LibPQConnection.value(of: "dbname", in: url))
        rerun = Rerun(attempts: options.attempts)
    }

    deinit {
        // A database that was not shut down lets go of its connections and its threads all the same.
        loop.stop {}
    }

    private static func server(of url: String) -> String {
        func list(_ keyword: String) -> [Substring] {
            LibPQConnection.value(of: keyword, in: url)?.split(separator: ",", omittingEmptySubsequences: false) ?? []
        }
        let (hosts, ports) = (list("host").isEmpty ? list("hostaddr") : list("host"), list("port"))
        func port(_ index: Int) -> Substring {
            let port = ports.count == 1 ? ports[0] : ports.indices.contains(index) ? ports[index] : ""
            return port.isEmpty ? "5432" : port
        }
        if hosts.isEmpty { return "the local socket, port \(port(0))" }
        return hosts.enumerated().map { "\($1.isEmpty ? "the local socket" : $1):\(port($0))" }.joined(separator: ",")
    }

    /// Opens all connections side by side, so that the first callers need not wait. Throws `unavailable` with what libpq says.
    public func warmUp() async throws(DatabaseError) {
        let results = await withTaskGroup(of: Result<LibPQResult?, DatabaseError>.self) { [loop] group in
            for connection in connections { group.addTask { await loop.run(.connect, on: connection) } }
            var results: [Result<LibPQResult?, DatabaseError>] = []
            for await result in group { results.append(result) }
            return results
        }
        for result in results { _ = try result.get() }
    }

    public func shutdown() async {
        await pool.close()
        await withCheckedContinuation { continuation in loop.stop { continuation.resume() } }
    }

    /// What `NOTIFY` sends on a channel; each iterator takes a connection of its own, beside those of ``Options/connections``.
    public func notifications(on channel: String) -> PostgresNotifications { PostgresNotifications(loop: loop, channel: channel) }

    // MARK: Statements

    @discardableResult public func query(_ sql: SQL) async throws -> [Row] { try await run(sql)?.rows() ?? [] }

    @discardableResult public func execute(_ sql: SQL) async throws -> Int { try await run(sql)?.changes ?? 0 }

    public func executeScript(_ script: String) async throws {
        try Turn.refuse(of: self)
        _ = try await instruments.statement("SCRIPT") { meter in try await rerun { try await self.alone(.script(script), &meter) } }
    }

    private func run(_ sql: SQL) async throws -> LibPQResult? {
        let rendered = sql.rendered(for: .postgres)
        if !SQLWords.isReading(rendered.text) { try Turn.refuse(of: self) }
        let parameters = try PostgresParameters(rendered.values)
        return try await instruments.statement(rendered.text) { meter in
            try await rerun { try await self.alone(.statement(rendered.text, parameters), &meter) }
        }
    }

    /// A transaction of its own.
    private func alone(_ work: PostgresRequest.Work, _ meter: inout DatabaseInstruments.Meter) async throws(DatabaseError) -> LibPQResult? {
        meter.begin()
        let connection = try await pool.checkout(&meter)
        defer { pool.checkin(connection) }
        return try await loop.run(work, on: connection).get()
    }

    // MARK: Transactions

    @discardableResult public func withTransaction<T: Sendable>(
        _ isolation: Isolation, _ body: @Sendable (any SQLRunner) async throws -> T
    ) async throws -> T {
        try Turn.refuse(of: self)
        return try await instruments.transaction { meter in try await rerun { try await self.once(isolation, &meter, body) } }
    }

    private func once<T: Sendable>(
        _ isolation: Isolation, _ meter: inout DatabaseInstruments.Meter, _ body: @Sendable (any SQLRunner) async throws -> T
    ) async throws -> T {
        meter.begin()
        let turn = Turn(of: self)
        let connection = try await pool.checkout(&meter)
        defer { pool.checkin(connection) }
        let transaction = PostgresTransaction(
            loop: loop, connection: connection, state: PostgresTransactionState(isolation), turn: turn, instruments: instruments)
        let result: T
        do {
            result = try await Turn.$current.withValue(turn) { try await body(transaction) }
            // The commit is the transaction's last statement, and it is refused like any other.
            let interrupt = Interrupt()
            if Task.isCancelled { interrupt.cancel() }
            try interrupt.check()
        } catch {
            turn.end()
            _ = await loop.run(.rollback, on: connection, in: transaction.state)
            throw error
        }
        turn.end()
        _ = try await loop.run(.commit, on: connection, in: transaction.state).get()
        return result
    }

    package struct Statistics: Sendable {
        /// Callers in the queue for a connection now.
        package let waitingForConnection: Int
    }
}

/// A transaction in the eyes of its body.
private struct PostgresTransaction: SQLRunner {
    let loop: PostgresLoop
    let connection: PostgresConnection
    let state: PostgresTransactionState
    let turn: Turn
    let instruments: DatabaseInstruments
    var dialect: Dialect { .postgres }

    @discardableResult func query(_ sql: SQL) async throws -> [Row] { try await run(sql)?.rows() ?? [] }

    @discardableResult func execute(_ sql: SQL) async throws -> Int { try await run(sql)?.changes ?? 0 }

    func executeScript(_ script: String) async throws {
        _ = try await instruments.statement("SCRIPT") { _ in try await run(.script(script)) }
    }

    private func run(_ sql: SQL) async throws -> LibPQResult? {
        let rendered = sql.rendered(for: .postgres)
        let parameters = try PostgresParameters(rendered.values)
        return try await instruments.statement(rendered.text) { _ in try await run(.statement(rendered.text, parameters)) }
    }

    private func run(_ work: PostgresRequest.Work) async throws(DatabaseError) -> LibPQResult? {
        if turn.hasEnded { throw .ended }
        return try await loop.run(work, on: connection, in: state).get()
    }
}
