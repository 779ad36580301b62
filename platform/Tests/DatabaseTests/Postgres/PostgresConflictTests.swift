import Database
import Resilience
import Testing

@Suite(.timeLimit(.minutes(5))) struct PostgresConflictTests {
    private static let accounts = "CREATE TABLE accounts (id bigint PRIMARY KEY, amount bigint); INSERT INTO accounts VALUES (1, 100), (2, 100);"

    @Test("of two transactions that wait for each other one is run again, and both succeed")
    func deadlock() async throws {
        try await Store.withPostgres { database, _ in
            try await database.executeScript(Self.accounts)
            let (both, bodies) = (Rendezvous(2), Counter())
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (first, second) in [(1, 2), (2, 1)] {
                    group.addTask {
                        try await database.withTransaction { transaction in
                            bodies.add()
                            try await transaction.execute("SET LOCAL deadlock_timeout = '10ms'")
                            try await transaction.execute("UPDATE accounts SET amount = amount - 1 WHERE id = \(first)")
                            await both.arrive()
                            try await transaction.execute("UPDATE accounts SET amount = amount + 1 WHERE id = \(second)")
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(bodies.value >= 3)
            #expect(try await database.query("SELECT amount FROM accounts").map { try $0.decode(0, as: Int.self) } == [100, 100])
        }
    }

    @Test("transactions that cannot be put in an order are run again until they can", arguments: [Isolation.repeatableRead, .serializable])
    func serialization(isolation: Isolation) async throws {
        try await Store.withPostgres { database, _ in
            try await database.executeScript(Self.accounts)
            let (both, bodies) = (Rendezvous(2), Counter())
            try await withThrowingTaskGroup(of: Void.self) { group in
                for id in [1, 2] {
                    group.addTask {
                        try await database.withTransaction(isolation) { transaction in
                            bodies.add()
                            let sum: Int = try await transaction.query("SELECT sum(amount) FROM accounts")[0].decode(0)
                            await both.arrive()
                            // The same row where only that is a conflict, a row each where reading the other one is.
                            let id = isolation == .repeatableRead ? 1 : id
                            try await transaction.execute("UPDATE accounts SET amount = amount + \(sum) WHERE id = \(id)")
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(bodies.value >= 3)
            // One after the other: 200 are added, and then 400.
            #expect(try await database.query("SELECT sum(amount) FROM accounts")[0].decode(0, as: Int.self) == 800)
        }
    }

    @Test("a conflict that is found at the commit is run again as well")
    func atCommit() async throws {
        try await Store.withPostgres { database, _ in
            try await database.executeScript(
                """
                CREATE TABLE t (n bigint);
                CREATE SEQUENCE tries;
                CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    IF nextval('tries') < 3 THEN RAISE EXCEPTION USING ERRCODE = '40001'; END IF;
                    RETURN NULL;
                END $$;
                CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse();
                """)
            let bodies = Counter()
            try await database.withTransaction { transaction in
                bodies.add()
                try await transaction.execute("INSERT INTO t VALUES (1)")
            }
            #expect(bodies.value == 3)
            // And so is a statement of its own.
            try await database.execute("SELECT setval('tries', 1, false)")
            try await database.execute("INSERT INTO t VALUES (2)")
            #expect(try await database.count("t") == 2)
        }
    }

    @Test("what conflicts each time is given up after so many runs, with the conflict", arguments: ["40001", "40P01", "55P03"])
    func bounded(state: String) async throws {
        try await Store.withPostgres(attempts: 3) { database, _ in
            let bodies = Counter()
            let refuse = "DO $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '\(state)'; END $$"
            let error = await #expect(throws: DatabaseError.self) {
                try await database.withTransaction { transaction in
                    bodies.add()
                    try await transaction.execute("\(raw: refuse)")
                }
            }
            #expect(error?.sqlState == state)
            #expect(error?.isTransient == true)
            #expect(bodies.value == 3)
        }
    }

    @Test("other errors are not run again")
    func once() async throws {
        try await Store.withPostgres { database, _ in
            let bodies = Counter()
            try await expect(.statement) {
                try await database.withTransaction { transaction in
                    bodies.add()
                    try await transaction.query("SELECT 1 / 0")
                }
            }
            #expect(bodies.value == 1)
        }
    }

    @Test("a conflict that the body caught still fails and runs the transaction again")
    func swallowed() async throws {
        try await Store.withPostgres { database, _ in
            let bodies = Counter()
            try await database.execute("CREATE TABLE t (n bigint)")
            try await database.withTransaction { transaction in
                let isFirst = bodies.add() == 1
                try await transaction.execute("INSERT INTO t VALUES (1)")
                if isFirst { _ = try? await transaction.execute("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$") }
            }
            #expect(bodies.value == 2)
            #expect(try await database.count("t") == 1)
        }
    }
}
