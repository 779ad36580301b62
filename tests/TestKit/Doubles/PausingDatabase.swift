public import Database
import Synchronization

/// A database whose work stops once, before the statement of a given number or before a commit that comes in its place, until a test lets
/// it go on: so that something else can happen at that very point.
public final class PausingDatabase: Database {
    private let base: any Database
    private let point: Int
    private let passed = Mutex(0)
    private let gate = Gate()
    private let ended = Mutex(false)

    /// - Parameter point: statements and commits that pass before the stop.
    public init(_ base: any Database, at point: Int) {
        self.base = base
        self.point = point
    }

    public var dialect: Dialect { base.dialect }

    /// Runs work on this database. It never stops again once this has returned.
    public func running<T>(_ body: (any Database) async -> T) async -> T {
        let result = await body(self)
        ended.withLock { $0 = true }
        gate.open()
        try? await gate.pass()
        return result
    }

    /// Waits until the work has stopped, or has ended without coming so far.
    /// - Returns: whether it stopped.
    public func hasStopped() async -> Bool {
        await gate.arrivals(1)
        return !ended.withLock { $0 }
    }

    public func goOn() { gate.open() }

    fileprivate func pass() async throws {
        let isPoint = passed.withLock { passed in
            defer { passed += 1 }
            return passed == point
        }
        if isPoint { try await gate.pass() }
    }

    @discardableResult public func query(_ sql: SQL) async throws -> [Row] {
        try await pass()
        return try await base.query(sql)
    }

    @discardableResult public func execute(_ sql: SQL) async throws -> Int {
        try await pass()
        return try await base.execute(sql)
    }

    public func executeScript(_ script: String) async throws { try await base.executeScript(script) }

    @discardableResult public func withTransaction<T: Sendable>(
        _ isolation: Isolation, _ body: @Sendable (any SQLRunner) async throws -> T
    ) async throws -> T {
        try await base.withTransaction(isolation) { transaction in
            let result = try await body(PausingRunner(base: transaction, database: self))
            try await self.pass()
            return result
        }
    }

    public func shutdown() async { await base.shutdown() }
}

private struct PausingRunner: SQLRunner {
    let base: any SQLRunner
    let database: PausingDatabase
    var dialect: Dialect { base.dialect }

    @discardableResult func query(_ sql: SQL) async throws -> [Row] {
        try await database.pass()
        return try await base.query(sql)
    }

    @discardableResult func execute(_ sql: SQL) async throws -> Int {
        try await database.pass()
        return try await base.execute(sql)
    }

    func executeScript(_ script: String) async throws { try await base.executeScript(script) }
}
