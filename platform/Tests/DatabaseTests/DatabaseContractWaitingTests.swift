import Database
import Resilience
import Testing

@Suite(.timeLimit(.minutes(5))) struct DatabaseContractWaitingTests {
    private static let table: SQL = "CREATE TABLE t (id BIGINT PRIMARY KEY, name TEXT)"
    /// Never ends by itself.
    private static let endless: SQL = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    private static let endlessWrite: SQL =
        "INSERT INTO t SELECT count(*), 'x' FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n) AS n"

    /// Holds the right to write until `release`, while `body` runs.
    private func holding(_ opened: Opened, _ body: () async throws -> Void) async throws {
        let (begun, release) = (Event(), Event())
        let database = opened.database
        let holder = Task {
            try await database.withTransaction { transaction in
                try await transaction.execute("INSERT INTO t VALUES (0, 'holder')")
                begun.happen()
                await release.wait()
            }
        }
        await begun.wait()
        let result: Result<Void, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        release.happen()
        try await holder.value
        try result.get()
    }

    @Test("a caller cancelled in the queue leaves it at once, and the next one gets the turn", arguments: Engine.allCases)
    func cancelledInQueue(engine: Engine) async throws {
        try await engine.withDatabase(connections: 1) { opened in
            let database = opened.database
            try await database.execute(Self.table)
            var next: Task<Int, any Error>?
            try await holding(opened) {
                let cancelled = Task { try await database.withTransaction { try await $0.execute("INSERT INTO t VALUES (1, 'a')") } }
                await opened.untilWaiting(1)
                next = Task { try await database.execute("INSERT INTO t VALUES (2, 'b')") }
                await opened.untilWaiting(2)
                cancelled.cancel()
                // The holder still has the turn, so this ends only if the wait itself was given up.
                try await expect(.cancelled) { _ = try await cancelled.value }
            }
            #expect(try await next?.value == 1)
            #expect(try await database.query("SELECT id FROM t ORDER BY id").map { try $0.decode(0, as: Int.self) } == [0, 2])
        }
    }

    @Test("a caller that is cancelled already does nothing", arguments: Engine.allCases)
    func cancelledBefore(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            let database = opened.database
            try await database.execute(Self.table)
            let task = Task {
                while !Task.isCancelled { await Task.yield() }
                try await expect(.cancelled) { try await database.execute("INSERT INTO t VALUES (1, 'a')") }
                try await expect(.cancelled) { try await database.query("SELECT 1") }
                try await expect(.cancelled) { try await database.withTransaction { _ in } }
            }
            task.cancel()
            try await task.value
            #expect(try await database.count("t") == 0)
        }
    }

    @Test("a body cancelled midway rolls back, even if it would have returned", arguments: Engine.allCases, [true, false])
    func cancelledMidway(engine: Engine, goesOn: Bool) async throws {
        try await engine.withDatabase { opened in
            let database = opened.database
            try await database.execute(Self.table)
            let (begun, cancelled) = (Event(), Event())
            let task = Task {
                try await database.withTransaction { transaction in
                    try await transaction.execute("INSERT INTO t VALUES (1, 'a')")
                    begun.happen()
                    await cancelled.wait()
                    if goesOn { try await transaction.execute("INSERT INTO t VALUES (2, 'b')") }
                }
            }
            await begun.wait()
            task.cancel()
            cancelled.happen()
            try await expect(.cancelled) { try await task.value }
            try await database.execute("INSERT INTO t VALUES (3, 'c')")
            #expect(try await database.query("SELECT id FROM t").map { try $0.decode(0, as: Int.self) } == [3])
        }
    }

    @Test("a running statement is stopped by its task's cancellation", arguments: Engine.allCases)
    func cancelledInStatement(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            let database = opened.database
            try await database.execute(Self.table)
            let read = Task { _ = try await database.query(Self.endless) }
            let began = Event()
            let write = Task {
                try await database.withTransaction { transaction in
                    try await transaction.execute("INSERT INTO t VALUES (1, 'a')")
                    began.happen()
                    try await transaction.execute(Self.endlessWrite)
                }
            }
            await began.wait()
            read.cancel()
            write.cancel()
            try await expect(.cancelled) { try await read.value }
            try await expect(.cancelled) { try await write.value }
            try await database.execute("INSERT INTO t VALUES (2, 'b')")
            #expect(try await database.count("t") == 1)
        }
    }

    @Test("waiting for the right to write ends at the deadline", arguments: Engine.allCases)
    func deadlineInQueue(engine: Engine) async throws {
        try await engine.withDatabase(connections: 1) { opened in
            let database = opened.database
            try await database.execute(Self.table)
            try await holding(opened) {
                let late = Task { try await Deadline.with(.after(.seconds(60))) { try await database.execute("INSERT INTO t VALUES (1, 'a')") } }
                await opened.untilWaiting(1)
                // Earlier than the one in front of it.
                try await expect(.timeout) {
                    _ = try await Deadline.with(.after(.milliseconds(20))) { try await database.execute("INSERT INTO t VALUES (2, 'b')") }
                }
                late.cancel()
                try await expect(.cancelled) { _ = try await late.value }
            }
            #expect(try await database.count("t") == 1)
        }
    }

    @Test("a statement that runs beyond the deadline is stopped", arguments: Engine.allCases)
    func deadlineInStatement(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            let database = opened.database
            try await database.execute(Self.table)
            for statement in [Self.endless, Self.endlessWrite] {
                try await expect(.timeout) { try await Deadline.with(.after(.milliseconds(20))) { _ = try await database.query(statement) } }
                try await expect(.timeout) {
                    try await Deadline.with(.after(.milliseconds(20))) {
                        try await database.withTransaction { _ = try await $0.query(statement) }
                    }
                }
            }
            try await database.execute("INSERT INTO t VALUES (1, 'a')")
            #expect(try await database.count("t") == 1)
        }
    }

    @Test("a body that outlives its deadline is refused its next statement and its commit", arguments: Engine.allCases, [true, false])
    func deadlineInBody(engine: Engine, goesOn: Bool) async throws {
        try await engine.withDatabase { opened in
            let database = opened.database
            try await database.execute(Self.table)
            try await expect(.timeout) {
                try await Deadline.with(.after(.milliseconds(50))) {
                    try await database.withTransaction { transaction in
                        try await transaction.execute("INSERT INTO t VALUES (1, 'a')")
                        while Deadline.current?.hasPassed == false { await Task.yield() }
                        if goesOn { try await transaction.execute("INSERT INTO t VALUES (2, 'b')") }
                    }
                }
            }
            #expect(try await database.count("t") == 0)
        }
    }

    @Test("the queue is bounded: one caller more is refused at once", arguments: Engine.allCases)
    func boundedQueue(engine: Engine) async throws {
        try await engine.withDatabase(connections: 1, waiterLimit: 2) { opened in
            let database = opened.database
            try await database.execute(Self.table)
            var waiting: [Task<Int, any Error>] = []
            try await holding(opened) {
                for id in 1...2 {
                    waiting.append(Task { try await database.execute("INSERT INTO t VALUES (\(id), 'a')") })
                    await opened.untilWaiting(id)
                }
                try await expect(.poolExhausted) { try await database.execute("INSERT INTO t VALUES (3, 'c')") }
            }
            for task in waiting { #expect(try await task.value == 1) }
            #expect(try await database.count("t") == 3)
        }
    }

    @Test("shutdown lets running and waiting work finish, and refuses what comes later", arguments: Engine.allCases)
    func shutdown(engine: Engine) async throws {
        try await engine.withStore { store in
            let opened = try store.open(connections: 1)
            let database = opened.database
            try await database.execute(Self.table)
            var tasks: [Task<Void, any Error>] = []
            try await holding(opened) {
                tasks.append(Task { try await database.execute("INSERT INTO t VALUES (1, 'a')") })
                await opened.untilWaiting(1)
                let refused = Event()
                tasks.append(Task { await database.shutdown() })
                tasks.append(
                    Task {
                        // Until the shutdown has begun, this reads.
                        while try await code({ try await database.query("SELECT 1") }) != .closed {
                            try Task.checkCancellation()
                            await Task.yield()
                        }
                        refused.happen()
                    })
                await refused.wait()
            }
            for task in tasks { try await task.value }
            await database.shutdown()
            try await expect(.closed) { try await database.query("SELECT 1") }
            try await expect(.closed) { try await database.execute("INSERT INTO t VALUES (2, 'b')") }
            try await expect(.closed) { try await database.withTransaction { _ in } }
            #expect(try await store.open().database.count("t") == 2)
        }
    }
}
