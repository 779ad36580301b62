import Database
import Testing

/// A connection may be lost in whatever state it is; the caller learns what that means, and the next one notices nothing.
@Suite(.timeLimit(.minutes(5))) struct PostgresConnectionLossTests {
    enum Loss: CaseIterable, Sendable {
        /// The server ends the session, and says so.
        case terminated
        /// The network is cut.
        case cut
    }

    /// One connection, and what loses it.
    private func withLoss(
        _ loss: Loss, _ body: (PostgresDatabase, Administrator, _ lose: @Sendable @escaping () async throws -> Void) async throws -> Void
    ) async throws {
        let proxy = try await Proxy.beforeServer()
        defer { proxy.end() }
        try await Store.withPostgres(connections: 1, port: proxy.port) { database, administrator in
            try await database.executeScript("CREATE TABLE t (n bigint PRIMARY KEY)")
            let process = try await database.process()
            try await body(database, administrator) {
                switch loss {
                case .terminated: try await administrator.terminate(process)
                case .cut:
                    proxy.cut()
                    // The server may be asleep in a statement, and notices the cut when it answers.
                    try await administrator.database.query("SELECT pg_terminate_backend(\(process)::int)")
                }
            }
            // Whoever comes next gets a new connection.
            #expect(try await database.query("SELECT 7")[0].decode(0, as: Int.self) == 7)
            #expect(try await database.process() != process)
            try await database.withTransaction { try await $0.execute("INSERT INTO t VALUES (100)") }
            try await administrator.until("NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = \(process))")
        }
    }

    @Test("an idle connection that is lost is replaced", arguments: Loss.allCases)
    func idle(loss: Loss) async throws {
        try await withLoss(loss) { database, _, lose in
            try await lose()
            // It may be asked before the news has arrived.
            let found = try await code { _ = try await database.query("SELECT 1") }
            #expect(found == nil || found == .connectionLost)
        }
    }

    @Test("a read that loses its connection has written nothing", arguments: Loss.allCases)
    func read(loss: Loss) async throws {
        try await withLoss(loss) { database, administrator, lose in
            let task = Task { try await database.query("SELECT pg_sleep(3600)") }
            try await administrator.untilSleeping()
            try await lose()
            try await expect(.connectionLost) { _ = try await task.value }
        }
    }

    @Test("what became of a write of its own that loses its connection is not known", arguments: Loss.allCases)
    func write(loss: Loss) async throws {
        try await withLoss(loss) { database, administrator, lose in
            let task = Task { try await database.execute("INSERT INTO t SELECT 1 FROM pg_sleep(3600)") }
            try await administrator.untilSleeping()
            try await lose()
            try await expect(.commitUnknown) { _ = try await task.value }
        }
    }

    @Test("what became of a script that loses its connection is not known", arguments: Loss.allCases)
    func script(loss: Loss) async throws {
        try await withLoss(loss) { database, administrator, lose in
            let task = Task { try await database.executeScript("INSERT INTO t VALUES (1); SELECT pg_sleep(3600)") }
            try await administrator.untilSleeping()
            try await lose()
            try await expect(.commitUnknown) { _ = try await task.value }
        }
    }

    @Test("a transaction that loses its connection between two statements writes nothing, and never goes on with another", arguments: Loss.allCases)
    func idleInTransaction(loss: Loss) async throws {
        try await withLoss(loss) { database, administrator, lose in
            try await expect(.connectionLost) {
                try await database.withTransaction { transaction in
                    try await transaction.execute("INSERT INTO t VALUES (1)")
                    try await lose()
                    try await expect(.connectionLost) { try await transaction.execute("INSERT INTO t VALUES (2)") }
                    // A body that ignores it does not get further.
                    try await expect(.connectionLost) { try await transaction.execute("INSERT INTO t VALUES (3)") }
                }
            }
            #expect(try await administrator.database.count("t") == 0)
        }
    }

    @Test("a transaction that loses its connection before the commit has written nothing", arguments: Loss.allCases)
    func beforeCommit(loss: Loss) async throws {
        try await withLoss(loss) { database, administrator, lose in
            let bodies = Counter()
            let found = try await code {
                try await database.withTransaction { transaction in
                    bodies.add()
                    try await transaction.execute("INSERT INTO t VALUES (1)")
                    try await lose()
                }
            }
            // The commit may have been sent before the news had arrived: then nobody knows.
            #expect(found == .connectionLost || found == .commitUnknown)
            #expect(bodies.value == 1)
            #expect(try await administrator.database.count("t") == 0)
        }
    }

    @Test("a statement of a transaction that loses its connection fails the transaction", arguments: Loss.allCases)
    func inTransaction(loss: Loss) async throws {
        try await withLoss(loss) { database, administrator, lose in
            let task = Task {
                try await database.withTransaction { transaction in
                    try await transaction.execute("INSERT INTO t VALUES (1)")
                    try await transaction.execute("INSERT INTO t SELECT 2 FROM pg_sleep(3600)")
                }
            }
            try await administrator.untilSleeping()
            try await lose()
            try await expect(.connectionLost) { _ = try await task.value }
            #expect(try await administrator.database.count("t") == 0)
        }
    }

    @Test("statements issued at the same time in a transaction all learn of the loss", arguments: Loss.allCases)
    func severalInTransaction(loss: Loss) async throws {
        try await withLoss(loss) { database, administrator, lose in
            let task = Task {
                try await database.withTransaction { transaction in
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for _ in 0..<5 { group.addTask { try await transaction.query("SELECT pg_sleep(3600)") } }
                        for _ in 0..<5 { try await expect(.connectionLost) { try await group.next() } }
                    }
                }
            }
            try await administrator.untilSleeping()
            try await lose()
            try await expect(.connectionLost) { try await task.value }
        }
    }

    @Test("a commit during which the server ends the session is commitUnknown, and is not run again")
    func serverEndsCommit() async throws {
        try await Store.withPostgres(connections: 1) { database, administrator in
            try await database.executeScript(
                """
                CREATE TABLE t (n bigint PRIMARY KEY);
                CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    PERFORM pg_terminate_backend(pg_backend_pid());
                    PERFORM pg_sleep(3600);
                    RETURN NULL;
                END $$;
                CREATE CONSTRAINT TRIGGER die AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die();
                """)
            let bodies = Counter()
            try await expect(.commitUnknown) {
                try await database.withTransaction { transaction in
                    bodies.add()
                    try await transaction.execute("INSERT INTO t VALUES (1)")
                }
            }
            try await expect(.commitUnknown) { try await database.execute("INSERT INTO t VALUES (2)") }
            #expect(bodies.value == 1)
            #expect(try await database.count("t") == 0)
            #expect(try await administrator.connections() == 1)
        }
    }

    /// Cuts the connection on which "COMMIT", or the statement marked so, goes by.
    private func withProxy(_ verdict: Proxy.Verdict, _ body: (PostgresDatabase, Administrator) async throws -> Void) async throws {
        let proxy = try await Proxy.beforeServer { piece in
            piece.contains("COMMIT\0") || piece.contains("/* cut here */") ? verdict : .pass
        }
        defer { proxy.end() }
        try await Store.withPostgres(connections: 1, port: proxy.port) { database, administrator in
            try await administrator.database.execute("CREATE TABLE t (n bigint PRIMARY KEY)")
            try await body(database, administrator)
            // The proxy cuts each commit; what is no transaction gets through.
            #expect(try await database.query("SELECT 7")[0].decode(0, as: Int.self) == 7)
            _ = try await database.execute("DELETE FROM t")
        }
    }

    @Test("a commit whose answer was lost is commitUnknown though it has happened, and its body is not run again")
    func answerLost() async throws {
        try await withProxy(.swallowAnswer) { database, administrator in
            let bodies = Counter()
            try await expect(.commitUnknown) {
                try await database.withTransaction { transaction in
                    bodies.add()
                    try await transaction.execute("INSERT INTO t VALUES (1)")
                }
            }
            #expect(bodies.value == 1)
            #expect(try await administrator.database.count("t") == 1)
        }
    }

    @Test("a commit that never reached the server is commitUnknown too, and has not happened")
    func commitLost() async throws {
        try await withProxy(.cut) { database, administrator in
            try await expect(.commitUnknown) {
                _ = try await database.withTransaction { try await $0.execute("INSERT INTO t VALUES (1)") }
            }
            try await administrator.until("(SELECT count(*) FROM t) = 0")
        }
    }

    @Test("a write of its own is commitUnknown, whether its answer was lost or it never arrived", arguments: [true, false])
    func writeLost(happens: Bool) async throws {
        try await withProxy(happens ? .swallowAnswer : .cut) { database, administrator in
            try await expect(.commitUnknown) { try await database.execute("INSERT INTO t VALUES (1) /* cut here */") }
            try await administrator.until("(SELECT count(*) FROM t) = \(happens ? 1 : 0)")
        }
    }

    @Test("a rollback that is lost is no error of its own: the body's comes out")
    func rollbackLost() async throws {
        let proxy = try await Proxy.beforeServer { $0.contains("ROLLBACK") ? .cut : .pass }
        defer { proxy.end() }
        try await Store.withPostgres(connections: 1, port: proxy.port) { database, administrator in
            try await database.execute("CREATE TABLE t (n bigint PRIMARY KEY)")
            await #expect(throws: Refusal()) {
                try await database.withTransaction { transaction in
                    try await transaction.execute("INSERT INTO t VALUES (1)")
                    throw Refusal()
                }
            }
            try await database.execute("INSERT INTO t VALUES (1)")
            #expect(try await administrator.database.count("t") == 1)
        }
    }

    @Test("the loss of one connection touches nobody on another")
    func neighbours() async throws {
        try await Store.withPostgres(connections: 4) { database, administrator in
            let ready = Rendezvous(5)
            let go = Event()
            let processes = Shared<[Int]>([])
            let results = try await withThrowingTaskGroup(of: DatabaseError.Code?.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        try await code {
                            try await database.withTransaction { transaction in
                                let process = try await transaction.process()
                                processes.change { $0.append(process) }
                                await ready.arrive()
                                await go.wait()
                                _ = try await transaction.query("SELECT 1")
                            }
                        }
                    }
                }
                await ready.arrive()
                try await administrator.terminate(processes.value[0])
                go.happen()
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(results.filter { $0 == nil }.count == 3)
            #expect(results.filter { $0 == .connectionLost }.count == 1)
        }
    }
}
