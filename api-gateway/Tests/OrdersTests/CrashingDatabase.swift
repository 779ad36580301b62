import Database
import Synchronization

/// A database that dies before its transaction number `limit + 1`, and stays dead: what a process that crashes there leaves behind.
final class CrashingDatabase: Database {
    private let base: any Database
    private let left: Mutex<Int>

    /// - Parameter limit: transactions that still commit.
    init(_ base: any Database, after limit: Int) {
        self.base = base
        left = Mutex(limit)
    }

    struct Crash: Error {}

    var hasCrashed: Bool { left.withLock { $0 < 0 } }

    var dialect: Dialect { base.dialect }

    func withTransaction<T: Sendable>(
        _ isolation: Isolation, _ body: @Sendable (any SQLRunner) async throws -> T
    ) async throws -> T {
        let mayRun = left.withLock { left in
            left -= 1
            return left >= 0
        }
        guard mayRun else { throw Crash() }
        return try await base.withTransaction(isolation, body)
    }

    func query(_ sql: SQL) async throws -> [Row] {
        if hasCrashed { throw Crash() }
        return try await base.query(sql)
    }

    func execute(_ sql: SQL) async throws -> Int {
        if hasCrashed { throw Crash() }
        return try await base.execute(sql)
    }

    func executeScript(_ script: String) async throws {
        if hasCrashed { throw Crash() }
        try await base.executeScript(script)
    }

    func shutdown() async {}
}
