import Database
import Resilience
import Testing

@Suite(.timeLimit(.minutes(5))) struct PostgresStatementTests {
    /// Milliseconds; 0 for none.
    private func serverTimeout(_ runner: any SQLRunner) async throws -> Int64 {
        let text = try await runner.query("SELECT setting FROM pg_settings WHERE name = 'statement_timeout'")[0].decode(0, as: String.self)
        return Int64(text)!
    }

    @Test("the server's statement_timeout follows the deadline, never below it, and is reset without one")
    func timeout() async throws {
        try await Store.withPostgres(connections: 1) { database, _ in
            #expect(try await serverTimeout(database) == 0)
            for seconds: Int64 in [30, 3600, 20, 86_400] {
                let deadline = Deadline.after(.seconds(seconds))
                let alone = try await Deadline.with(deadline) { try await serverTimeout(database) }
                let inside = try await Deadline.with(deadline) { try await database.withTransaction { try await serverTimeout($0) } }
                for timeout in [alone, inside] {
                    #expect(timeout >= deadline.remaining.components.seconds * 1000)
                    #expect(timeout <= 8 * seconds * 1000 + 2000)
                }
            }
            #expect(try await serverTimeout(database) == 0)
            #expect(try await database.withTransaction { try await serverTimeout($0) } == 0)
        }
    }

    @Test("a transaction's own statement_timeout is a timeout too")
    func ownTimeout() async throws {
        try await Store.withPostgres(connections: 1) { database, _ in
            try await expect(.timeout) {
                try await database.withTransaction { transaction in
                    try await transaction.execute("SET LOCAL statement_timeout = 20")
                    try await transaction.query("SELECT pg_sleep(3600)")
                }
            }
            #expect(try await serverTimeout(database) == 0)
        }
    }

    @Test("a connection keeps so many prepared statements, those that were used last")
    func eviction() async throws {
        try await Store.withPostgres(connections: 1, statementCache: 4) { database, _ in
            for number in 0..<20 {
                // The first one is used again and again.
                #expect(try await database.query("SELECT \(1) AS often")[0].decode(0, as: Int.self) == 1)
                #expect(try await database.query("SELECT \(number) AS column_\(raw: String(number))")[0].decode(0, as: Int.self) == number)
            }
            let texts = try await database.query("SELECT statement FROM pg_prepared_statements").map { try $0.decode(0, as: String.self) }
            // This one, and the one that it pushed out, which the server is told with the next.
            #expect(texts.count <= 5)
            #expect(texts.contains { $0.contains("often") })
            #expect(texts.contains { $0.contains("column_19") })
            #expect(!texts.contains { $0.contains("column_10") })
        }
    }

    @Test("evictions inside of a transaction come to the server after it")
    func evictionInTransaction() async throws {
        try await Store.withPostgres(connections: 1, statementCache: 2) { database, _ in
            try await database.withTransaction { transaction in
                for number in 0..<10 { try await transaction.query("SELECT \(number) AS column_\(raw: String(number))") }
                for number in 0..<10 { try await transaction.query("SELECT \(number) AS column_\(raw: String(number))") }
            }
            let count: Int = try await database.query("SELECT count(*) FROM pg_prepared_statements")[0].decode(0)
            #expect(count <= 3)
        }
    }

    @Test("a statement of the same text with values of other types is prepared for itself")
    func types() async throws {
        try await Store.withPostgres(connections: 1) { database, _ in
            func echo(_ value: some SQLBindable & SQLDecodable & Equatable) async throws {
                #expect(try await database.query("SELECT \(value) AS v")[0].decode("v") == value)
            }
            for _ in 0..<2 {
                try await echo(1)
                try await echo("one")
                try await echo(1.5)
                try await echo(true)
                try await echo([1, 2] as [UInt8])
            }
        }
    }

    @Test("a table that has changed since a statement was prepared is read anew, alone and inside of a transaction")
    func changedTable() async throws {
        try await Store.withPostgres(connections: 2) { database, administrator in
            try await database.executeScript("CREATE TABLE t (n bigint); INSERT INTO t VALUES (1)")
            // Prepared by both connections.
            func read() async throws -> [String] { try await database.query("SELECT * FROM t")[0].columnNames }
            let both = Rendezvous(2)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<2 {
                    group.addTask {
                        try await database.withTransaction { transaction in
                            try await transaction.query("SELECT * FROM t")
                            await both.arrive()
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await administrator.database.execute("ALTER TABLE t ADD COLUMN more text")
            #expect(try await read() == ["n", "more"])
            #expect(try await read() == ["n", "more"])
            try await administrator.database.execute("ALTER TABLE t ADD COLUMN yet_more text")
            let bodies = Counter()
            let names = try await database.withTransaction { transaction in
                bodies.add()
                return try await transaction.query("SELECT * FROM t")[0].columnNames
            }
            #expect(names == ["n", "more", "yet_more"])
            #expect(bodies.value <= 3)
            try await administrator.database.execute("ALTER TABLE t ALTER COLUMN n TYPE text")
            #expect(try await database.query("SELECT * FROM t")[0].decode("n", as: String.self) == "1")
        }
    }

    @Test("statements that somebody else has discarded are prepared again")
    func discarded() async throws {
        try await Store.withPostgres(connections: 1) { database, _ in
            #expect(try await database.query("SELECT \(7)")[0].decode(0, as: Int.self) == 7)
            // Only a script gets so far as to do this.
            try await database.execute("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$")
            #expect(try await database.query("SELECT \(7)")[0].decode(0, as: Int.self) == 7)
        }
    }

    @Test(
        "what reaches beyond its transaction is refused, in a statement and in a script",
        arguments: [
            "BEGIN", "begin", "START TRANSACTION", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT s", "RELEASE s", "PREPARE p AS SELECT 1",
            "EXECUTE p", "DEALLOCATE ALL", "DISCARD ALL", "LISTEN c", "UNLISTEN *", "SET search_path = 'x'", "SET SESSION work_mem = '1MB'",
            "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "RESET ALL", "COPY pg_class TO STDOUT", "DECLARE c CURSOR FOR SELECT 1",
            "/* x */ COMMIT", "-- x\nCOMMIT", "-- x\rCOMMIT", "  \t\n COMMIT",
        ])
    func refused(text: String) async throws {
        try await Store.withPostgres(connections: 1) { database, _ in
            let before = try await database.process()
            try await expect(.statement) { try await database.execute("\(raw: text)") }
            try await expect(.statement) { _ = try await database.withTransaction { try await $0.execute("\(raw: text)") } }
            try await expect(.statement) { try await database.executeScript("CREATE TABLE t (n bigint); \(text)") }
            try await expect(.statement) { try await database.withTransaction { try await $0.executeScript("CREATE TABLE t (n bigint); \(text)") } }
            try await expect(.statement) { _ = try await database.count("t") }
            #expect(try await database.process() == before)
        }
    }

    @Test(
        "what stays inside its transaction is not",
        arguments: [
            "SET LOCAL work_mem = '1MB'", "SET CONSTRAINTS ALL DEFERRED", "LOCK TABLE t", "NOTIFY c", "EXPLAIN SELECT 1", "TABLE t", "VALUES (1)",
            "(SELECT 1)", "SHOW work_mem", "DO $$ BEGIN PERFORM 1; END; $$", "SELECT 'COMMIT; BEGIN'", "SELECT $$; COMMIT; $$",
            "SELECT E'\\'; COMMIT; --'",
            "WITH w AS (SELECT 1) SELECT * FROM w", "SELECT 1 -- ; COMMIT", "SELECT 1 AS commit", "ANALYZE t", "SELECT 1;", "TRUNCATE t",
        ])
    func allowed(text: String) async throws {
        try await Store.withPostgres(connections: 1) { database, _ in
            try await database.execute("CREATE TABLE t (n bigint)")
            try await database.withTransaction { try await $0.execute("\(raw: text)") }
            if !text.hasPrefix("LOCK") { try await database.execute("\(raw: text)") }
            try await database.executeScript("SELECT 1; \(text)")
        }
    }

    @Test("what the server does not do inside of a transaction is done outside of one, also with a deadline")
    func outsideOnly() async throws {
        try await Store.withPostgres(connections: 1) { database, _ in
            let name = "test-\(UInt64.random(in: 0...(.max)))"
            try await Deadline.with(.after(.seconds(50))) {
                try await database.execute("CREATE DATABASE \"\(raw: name)\"")
                try await database.execute("DROP DATABASE \"\(raw: name)\"")
                try await database.execute("VACUUM")
            }
            try await expect(.statement) { _ = try await database.withTransaction { try await $0.execute("VACUUM") } }
        }
    }

    @Test("a script may hold bodies with semicolons, and one that fails leaves nothing", arguments: [false, true])
    func script(inTransaction: Bool) async throws {
        try await Store.withPostgres(connections: 1) { database, _ in
            let good = """
                CREATE TABLE t (n bigint); -- ; COMMIT;
                CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $body$
                BEGIN new.n := new.n + 1; /* $$ ' */ RETURN new; END;
                $body$;
                CREATE TRIGGER f BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
                INSERT INTO t VALUES (1);
                SELECT * FROM t;
                """
            func run(_ script: String) async throws {
                if inTransaction {
                    try await database.withTransaction { try await $0.executeScript(script) }
                } else {
                    try await database.executeScript(script)
                }
            }
            try await expect(.statement) { try await run(good + "SELECT 1 / 0; SELECT 1;") }
            try await expect(.statement) { _ = try await database.count("t") }
            try await run(good)
            #expect(try await database.query("SELECT n FROM t")[0].decode(0, as: Int.self) == 2)
            try await run("")
            try await run(";;  -- nothing")
        }
    }

    @Test("a deferred constraint fails the commit, and nothing is written", arguments: [false, true])
    func deferred(inTransaction: Bool) async throws {
        try await Store.withPostgres(connections: 1) { database, _ in
            try await database.executeScript(
                """
                CREATE TABLE parents (id bigint PRIMARY KEY);
                CREATE TABLE children (parent bigint CONSTRAINT of_parent REFERENCES parents DEFERRABLE INITIALLY DEFERRED);
                """)
            let error = await #expect(throws: DatabaseError.self) {
                if inTransaction {
                    try await database.withTransaction { try await $0.execute("INSERT INTO children VALUES (\(1))") }
                } else {
                    try await database.execute("INSERT INTO children VALUES (\(1))")
                }
            }
            #expect(error?.code == .foreignKeyViolation)
            #expect(error?.constraint == "of_parent")
            #expect(try await database.count("children") == 0)
            try await database.withTransaction { transaction in
                try await transaction.execute("INSERT INTO children VALUES (1)")
                try await transaction.execute("INSERT INTO parents VALUES (1)")
            }
        }
    }

    @Test("up to 65,535 values fit into a statement, and one more is refused")
    func manyParameters() async throws {
        try await Store.withPostgres(connections: 1) { database, _ in
            let most = try await database.query("SELECT count(*) FROM unnest(ARRAY[\(values(65_535))]) AS v")[0].decode(0, as: Int.self)
            #expect(most == 65_535)
            try await expect(.statement) { try await database.query("SELECT count(*) FROM unnest(ARRAY[\(values(65_536))]) AS v") }
            #expect(try await database.query("SELECT 7")[0].decode(0, as: Int.self) == 7)
        }
    }

    private func values(_ count: Int) -> SQL { (0..<count).map { "\($0)" as SQL }.joined(separator: ", ") }

    @Test("a runner kept beyond its transaction never writes, not even into the transaction after it on the same connection")
    func escaped() async throws {
        try await Store.withPostgres(connections: 1) { database, _ in
            try await database.execute("CREATE TABLE t (n bigint)")
            for _ in 0..<200 {
                let late = try await database.withTransaction { transaction in
                    try await transaction.query("SELECT 1")
                    return Task { try await transaction.execute("INSERT INTO t VALUES (13)") }
                }
                try await database.withTransaction { transaction in
                    for _ in 0..<5 { try await transaction.query("SELECT 1") }
                }
                // It was in time to be part of its own transaction, or it was refused.
                let found = try await code { _ = try await late.value }
                #expect(found == nil || found == .closed)
                try await database.execute("DELETE FROM t")
            }
        }
    }
}
