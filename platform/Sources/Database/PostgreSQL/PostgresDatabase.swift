/// A database on a PostgreSQL server.
public final class PostgresDatabase: Database {
    public struct Options: Sendable {
        /// Connections at most; also what a service may take of the server's `max_connections`.
        public var connections = 8
        /// Callers that may wait for a connection; one more gets `poolExhausted`.
        public var waiterLimit = 1024
        /// Prepared statements kept by each connection.
        public var statementCacheCapacity = 256
        /// How long opening a connection may take.
        public var connectTimeout = Duration.seconds(5)
        /// How often a transaction is run at most, where others were in its way.
        public var attempts = 5
        /// What the server's own views call this program.
        public var applicationName = "hello-dd"

        public init() {}
    }

    public let dialect = Dialect.postgres

    /// Nothing is connected yet: see ``warmUp()``.
    ///
    /// - Parameter url: as libpq reads it: `postgres://user:password@host:port/name?sslmode=…`, or `host=… dbname=…`.
    public init(url: String, options: Options = Options()) throws(DatabaseError) {}

    /// Opens all connections at once, so that the first callers need not wait; throws what the first that fails says.
    public func warmUp() async throws(DatabaseError) { throw .closed }

    @discardableResult public func query(_ sql: SQL) async throws -> [Row] { throw DatabaseError.closed }
    @discardableResult public func execute(_ sql: SQL) async throws -> Int { throw DatabaseError.closed }
    public func executeScript(_ script: String) async throws { throw DatabaseError.closed }

    @discardableResult public func withTransaction<T: Sendable>(
        _ isolation: Isolation, _ body: @Sendable (any SQLRunner) async throws -> T
    ) async throws -> T {
        throw DatabaseError.closed
    }

    public func shutdown() async {}
}
