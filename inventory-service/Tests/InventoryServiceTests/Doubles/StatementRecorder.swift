import Database
import Synchronization

/// Keeps the statements that go to a database.
final class StatementRecorder: SQLRunner {
    private let base: any SQLRunner
    private let kept = Mutex<[SQL]>([])

    init(_ base: any SQLRunner) { self.base = base }

    var dialect: Dialect { base.dialect }
    var statements: [SQL] { kept.withLock { $0 } }

    @discardableResult func query(_ sql: SQL) async throws -> [Row] {
        kept.withLock { $0.append(sql) }
        return try await base.query(sql)
    }

    @discardableResult func execute(_ sql: SQL) async throws -> Int {
        kept.withLock { $0.append(sql) }
        return try await base.execute(sql)
    }

    func executeScript(_ script: String) async throws { try await base.executeScript(script) }
}
