import Basics
import Database
import Resilience
import Testing

@Suite(.timeLimit(.minutes(5))) struct DatabaseContractTransactionTests {
    private static let table: SQL = "CREATE TABLE t (id BIGINT PRIMARY KEY, name TEXT)"

    @Test("what a body wrote is there when it returns, and its value is given back", arguments: Engine.allCases)
    func commit(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            let database = opened.database
            try await database.execute(Self.table)
            for isolation in [Isolation.readCommitted, .repeatableRead, .serializable] {
                let count = try await database.withTransaction(isolation) { transaction in
                    try await transaction.execute("INSERT INTO t SELECT count(*), 'x' FROM t")
                    return try await transaction.count("t")
                }
                #expect(try await database.count("t") == count)
            }
            #expect(try await database.count("t") == 3)
        }
    }

    @Test("a throwing body leaves nothing behind, and its own error comes out", arguments: Engine.allCases)
    func rollback(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            let database = opened.database
            try await database.execute(Self.table)
            await #expect(throws: Refusal()) {
                try await database.withTransaction { transaction in
                    try await transaction.execute("INSERT INTO t VALUES (1, 'a')")
                    try await transaction.execute("CREATE TABLE u (id BIGINT)")
                    #expect(try await transaction.count("t") == 1)
                    throw Refusal()
                }
            }
            #expect(try await database.count("t") == 0)
            try await expect(.statement) { _ = try await database.count("u") }
        }
    }

    @Test("a statement gives the number of rows it changed, and RETURNING gives them", arguments: Engine.allCases)
    func changes(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            let database = opened.database
            #expect(try await database.execute(Self.table) == 0)
            #expect(try await database.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')") == 3)
            #expect(try await database.execute("INSERT INTO t VALUES (1, 'z') ON CONFLICT (id) DO NOTHING") == 0)
            #expect(try await database.execute("UPDATE t SET name = 'd' WHERE id >= \(2)") == 2)
            #expect(try await database.execute("UPDATE t SET name = 'e' WHERE id > \(9)") == 0)
            #expect(try await database.execute("CREATE INDEX i ON t (name)") == 0)
            let updated = try await database.query("UPDATE t SET name = 'f' WHERE id = 3 RETURNING id, name")
            #expect(try updated.map { try $0.decode("name", as: String.self) } == ["f"])
            // Begins like a query, but writes.
            let inserted = try await database.query("WITH n AS (SELECT 7 AS id) INSERT INTO t SELECT id, 'w' FROM n RETURNING id")
            #expect(try inserted.map { try $0.decode("id", as: Int.self) } == [7])
            #expect(try await database.execute("DELETE FROM t") == 4)
            #expect(try await database.execute("DELETE FROM t") == 0)
        }
    }

    @Test("a reader sees only what is committed, and does not wait for an open transaction", arguments: Engine.allCases)
    func isolation(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            let database = opened.database
            try await database.execute(Self.table)
            try await database.withTransaction { transaction in
                try await transaction.execute("INSERT INTO t VALUES (1, 'a')")
                #expect(try await transaction.count("t") == 1)
                #expect(try await database.count("t") == 0)
            }
            #expect(try await database.count("t") == 1)
        }
    }

    @Test("a transaction reads what it wrote, and nobody writes in between", arguments: Engine.allCases)
    func serial(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            let database = opened.database
            try await database.execute(Self.table)
            try await database.execute("INSERT INTO t VALUES (1, '0')")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<50 {
                    group.addTask {
                        try await database.withTransaction(.serializable) { transaction in
                            let before: String = try await transaction.query("SELECT name FROM t")[0].decode("name")
                            try await transaction.execute("UPDATE t SET name = \(String(Int(before)! + 1))")
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await database.query("SELECT name FROM t")[0].decode("name", as: String.self) == "50")
        }
    }

    @Test("within a transaction another one on the same database is refused instead of waiting for itself", arguments: Engine.allCases)
    func nesting(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            let database = opened.database
            try await database.execute(Self.table)
            try await database.withTransaction { transaction in
                try await expect(.statement) { try await database.withTransaction { _ in } }
                try await expect(.statement) { try await database.execute("INSERT INTO t VALUES (1, 'a')") }
                try await transaction.execute("INSERT INTO t VALUES (2, 'b')")
            }
            try await database.execute("INSERT INTO t VALUES (1, 'a')")
            #expect(try await database.count("t") == 2)
        }
    }

    @Test("transactions of two databases may be nested, and each still refuses itself", arguments: Engine.allCases)
    func twoDatabases(engine: Engine) async throws {
        try await engine.withDatabase { first in
            try await engine.withDatabase { second in
                try await first.database.execute(Self.table)
                try await second.database.execute(Self.table)
                try await first.database.withTransaction { outer in
                    try await outer.execute("INSERT INTO t VALUES (1, 'a')")
                    try await second.database.withTransaction { inner in
                        try await inner.execute("INSERT INTO t VALUES (1, 'a')")
                        try await expect(.statement) { try await first.database.execute("DELETE FROM t") }
                    }
                }
                #expect(try await first.database.count("t") == 1)
                #expect(try await second.database.count("t") == 1)
            }
        }
    }

    @Test("after a failed statement a transaction can only be rolled back, even if its body goes on", arguments: Engine.allCases)
    func failed(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            let database = opened.database
            try await database.execute(Self.table)
            try await expect(.uniqueViolation) {
                try await database.withTransaction { transaction in
                    try await transaction.execute("INSERT INTO t VALUES (1, 'a')")
                    try await expect(.uniqueViolation) { try await transaction.execute("INSERT INTO t VALUES (1, 'b')") }
                    try await expect(.statement) { try await transaction.execute("INSERT INTO t VALUES (2, 'c')") }
                    try await expect(.statement) { _ = try await transaction.query("SELECT 1") }
                }
            }
            #expect(try await database.count("t") == 0)
        }
    }

    @Test("a runner kept beyond its transaction is refused and writes nothing", arguments: Engine.allCases)
    func escaped(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            let database = opened.database
            try await database.execute(Self.table)
            let runner = try await database.withTransaction { $0 }
            try await expect(.closed) { try await runner.execute("INSERT INTO t VALUES (1, 'a')") }
            try await expect(.closed) { _ = try await runner.query("SELECT 1") }
            #expect(try await database.count("t") == 0)
        }
    }

    @Test("statements of one transaction may be issued at the same time", arguments: Engine.allCases)
    func concurrentStatements(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            try await opened.database.execute(Self.table)
            try await opened.database.withTransaction { transaction in
                async let first = transaction.execute("INSERT INTO t VALUES (1, 'a')")
                async let second = transaction.execute("INSERT INTO t VALUES (2, 'b')")
                let sum = try await first + second
                #expect(sum == 2)
            }
            #expect(try await opened.database.count("t") == 2)
        }
    }

    @Test("committed rows are there after the database was closed and opened again", arguments: Engine.allCases)
    func reopening(engine: Engine) async throws {
        try await engine.withStore { store in
            let first = try store.open().database
            try await first.execute(Self.table)
            try await first.withTransaction { try await $0.execute("INSERT INTO t VALUES (1, 'a')") }
            await first.shutdown()
            let second = try store.open().database
            #expect(try await second.query("SELECT name FROM t")[0].decode("name", as: String.self) == "a")
            try await second.execute("INSERT INTO t VALUES (2, 'b')")
            #expect(try await second.count("t") == 2)
        }
    }
}
