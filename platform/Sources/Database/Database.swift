/// What runs statements: a database, where each statement is a transaction of its own, or a transaction.
public protocol SQLRunner: Sendable {
    var dialect: Dialect { get }

    /// Runs one statement of any kind and gives its rows, those of `RETURNING` too.
    ///
    /// All rows are held in memory at once and their number is not bounded here: a statement that may give many has a `LIMIT`.
    @discardableResult func query(_ sql: SQL) async throws -> [Row]

    /// Runs one statement and gives the number of rows it inserted, updated or deleted itself, without what triggers and
    /// foreign keys did; 0 for any other statement.
    @discardableResult func execute(_ sql: SQL) async throws -> Int

    /// Runs the statements of a script one after the other, without parameters. For trusted text, such as migrations.
    func executeScript(_ script: String) async throws
}

/// How much a transaction is kept apart from those that run at the same time. SQLite is always serializable.
public enum Isolation: String, Hashable, Sendable {
    case readCommitted, repeatableRead, serializable
}

/// A store that speaks SQL.
///
/// Every wait (for a connection, for the writer, in a statement) honours `Deadline.current` and the task's cancellation; both
/// are checked before the commit and never after it was begun, so that the outcome a caller sees is the true one.
public protocol Database: SQLRunner {
    /// Runs `body` in one transaction: commits, durably, when it returns, and rolls back when it throws.
    ///
    /// Where other transactions were in the way and nothing was written (`serializationFailure`, `deadlock`, `busy`) it is run again, a
    /// few times at most and only while the deadline allows; so `body` changes nothing but the database. Nothing else is run again.
    /// A statement that fails fails the transaction: all that can follow is its end, and the next statement is refused with `statement`.
    ///
    /// `body` should do nothing slow but its statements: while it runs it holds a connection, on SQLite the only one that writes, and
    /// everybody behind it waits. Inside it, use the runner it was given:
    /// another transaction or write on the same database would wait for this one and is refused with code `statement`.
    /// The runner is of no use after `body` has ended (`closed`).
    @discardableResult func withTransaction<T: Sendable>(
        _ isolation: Isolation, _ body: @Sendable (any SQLRunner) async throws -> T
    ) async throws -> T

    /// Refuses new work (`closed`), waits for what runs or waits already, and closes. May be called more than once.
    func shutdown() async
}

extension Database {
    /// Runs `body` in one transaction with the isolation `readCommitted`, or the engine's lowest above it.
    @discardableResult public func withTransaction<T: Sendable>(
        _ body: @Sendable (any SQLRunner) async throws -> T
    ) async throws -> T {
        try await withTransaction(.readCommitted, body)
    }
}
