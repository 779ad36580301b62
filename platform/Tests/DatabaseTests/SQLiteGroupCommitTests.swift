import Basics
import Database
import Resilience
import Testing

@Suite(.timeLimit(.minutes(5))) struct SQLiteGroupCommitTests {
    private static let schema = """
        CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE child (id INTEGER REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED);
        """

    private struct Outcome {
        /// What each transaction threw, the holder's first; nil for success.
        var errors: [(any Error)?] = []
        var commits = 0
        var ids: [Int] = []
        var children: [Int] = []

        var codes: [DatabaseError.Code?] { errors.map { ($0 as? DatabaseError)?.code } }
        var failures: Int { errors.count { $0 != nil } }
    }

    /// Opens a database whose groups have all the time they need, queues `members` behind a transaction that holds the writer
    /// and has written row 0, and lets it go when all of them wait.
    private func group(
        options: SQLiteDatabase.Options = Self.patient, _ members: [@Sendable (any SQLRunner) async throws -> Void]
    ) async throws -> Outcome {
        try await Engine.sqlite.withStore { store in
            let database = try store.open(options)
            try await database.executeScript(Self.schema)
            let before = database.statistics.commits
            let (holder, release) = await hold(database)
            var tasks = [holder]
            for (index, member) in members.enumerated() {
                tasks.append(Task { try await database.withTransaction(.serializable) { try await member($0) } })
                while database.statistics.waitingForWriter <= index { await Task.yield() }
            }
            release.happen()
            var outcome = Outcome()
            for task in tasks {
                do {
                    try await task.value
                    outcome.errors.append(nil)
                } catch { outcome.errors.append(error) }
            }
            outcome.commits = database.statistics.commits - before
            outcome.ids = try await ids(database)
            outcome.children = try await database.query("SELECT id FROM child ORDER BY id").map { try $0.decode(0) }
            return outcome
        }
    }

    /// A transaction that has written row 0 and holds the writer until the event.
    private func hold(_ database: SQLiteDatabase) async -> (Task<Void, any Error>, release: Event) {
        let (begun, release) = (Event(), Event())
        let holder = Task {
            try await database.withTransaction { transaction in
                try await transaction.execute("INSERT INTO t VALUES (0, 'holder')")
                begun.happen()
                await release.wait()
            }
        }
        await begun.wait()
        return (holder, release)
    }

    private static var patient: SQLiteDatabase.Options {
        var options = SQLiteDatabase.Options()
        options.groupAge = .seconds(3600)
        // What a group that breaks off does to each member is the question here, not that it would be run again.
        options.attempts = 1
        return options
    }

    private static func insert(_ id: Int) -> @Sendable (any SQLRunner) async throws -> Void {
        { try await $0.execute("INSERT INTO t VALUES (\(id), 'a')") }
    }

    private func ids(_ database: SQLiteDatabase) async throws -> [Int] {
        try await database.query("SELECT id FROM t ORDER BY id").map { try $0.decode(0) }
    }

    @Test("transactions that wait share one commit")
    func sharing() async throws {
        let outcome = try await group((1...40).map { Self.insert($0) })
        #expect(outcome.failures == 0)
        #expect(outcome.commits == 1)
        #expect(outcome.ids == Array(0...40))
    }

    @Test("single statements share a commit too, and each gets its own count")
    func singles() async throws {
        try await Engine.sqlite.withStore { store in
            let database = try store.open(Self.patient)
            try await database.executeScript(Self.schema)
            let before = database.statistics.commits
            let (holder, release) = await hold(database)
            var tasks: [Task<Int, any Error>] = []
            for id in 1...20 {
                for name in ["a", "b"] {
                    tasks.append(Task { try await database.execute("INSERT INTO t VALUES (\(id), \(name)) ON CONFLICT DO NOTHING") })
                }
            }
            while database.statistics.waitingForWriter < 40 { await Task.yield() }
            release.happen()
            try await holder.value
            var sum = 0
            for task in tasks { sum += try await task.value }
            #expect(sum == 20)
            #expect(database.statistics.commits - before == 1)
        }
    }

    @Test("a group holds no more transactions than its size allows")
    func size() async throws {
        var options = Self.patient
        options.groupSize = 10
        let outcome = try await group(options: options, (1...39).map { Self.insert($0) })
        #expect(outcome.failures == 0)
        #expect(outcome.commits == 4)
        #expect(outcome.ids == Array(0...39))
    }

    @Test("nobody joins a group that is too old, so without patience each commits alone")
    func age() async throws {
        var options = Self.patient
        options.groupAge = .zero
        let outcome = try await group(options: options, (1...9).map { Self.insert($0) })
        #expect(outcome.failures == 0)
        #expect(outcome.commits == 10)
    }

    @Test("a failing transaction undoes itself alone")
    func failing() async throws {
        let outcome = try await group([
            Self.insert(1),
            { transaction in
                try await transaction.execute("INSERT INTO t VALUES (2, 'undone')")
                throw Refusal()
            },
            Self.insert(3),
            { transaction in
                try await transaction.execute("INSERT INTO t VALUES (4, 'undone')")
                try await transaction.execute("INSERT INTO t VALUES (1, 'twice')")
            },
            Self.insert(5),
        ])
        #expect(outcome.failures == 2)
        #expect(outcome.errors[2] is Refusal)
        #expect(outcome.codes[4] == .uniqueViolation)
        #expect(outcome.commits == 1)
        #expect(outcome.ids == [0, 1, 3, 5])
    }

    @Test("a deferred foreign key fails the transaction that violated it, not the commit of its neighbours")
    func deferredKey() async throws {
        let outcome = try await group([
            { try await $0.execute("INSERT INTO child VALUES (77)") },
            { transaction in
                try await transaction.execute("INSERT INTO child VALUES (2)")
                try await transaction.execute("INSERT INTO t VALUES (2, 'parent, later')")
            },
        ])
        #expect(outcome.codes == [nil, .foreignKeyViolation, nil])
        #expect(outcome.failures == 1)
        #expect(outcome.commits == 1)
        #expect(outcome.children == [2])
    }

    @Test("when SQLite rolls the whole commit back, everybody in it gets an error, and the next group is whole again")
    func lost() async throws {
        let outcome = try await group([
            Self.insert(1),
            { try await $0.execute("INSERT OR ROLLBACK INTO t VALUES (1, 'twice')") },
            Self.insert(3),
        ])
        #expect(outcome.codes == [.serializationFailure, .serializationFailure, .uniqueViolation, nil])
        #expect(outcome.failures == 3)
        #expect(outcome.commits == 1)
        #expect(outcome.ids == [3])
    }

    @Test("a body that hides the error that rolled everything back does not pass for committed")
    func hidden() async throws {
        let outcome = try await group([
            { transaction in
                try await transaction.execute("INSERT INTO t VALUES (1, 'a')")
                _ = try? await transaction.execute("INSERT OR ROLLBACK INTO t VALUES (1, 'twice')")
                _ = try? await transaction.execute("INSERT INTO t VALUES (2, 'outside of any transaction')")
            }
        ])
        #expect(outcome.codes == [.serializationFailure, .uniqueViolation])
        #expect(outcome.commits == 0)
        #expect(outcome.ids == [])
    }

    @Test("a write stopped at its deadline in a shared commit costs its neighbours a retry, never a half-written row")
    func interrupted() async throws {
        let outcome = try await group([
            { transaction in
                while true {
                    _ = try? await Deadline.with(.after(.milliseconds(20))) {
                        try await transaction.execute(
                            "INSERT INTO t SELECT count(*), 'x' FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n)"
                        )
                    }
                    // Refused once all is rolled back, and not if that statement never began because its deadline came first.
                    try await transaction.query("SELECT 1")
                }
            },
            Self.insert(2),
        ])
        #expect(outcome.codes == [.serializationFailure, .timeout, nil])
        #expect(outcome.failures == 2)
        #expect(outcome.ids == [2])
    }

    @Test("a cancelled write lets its neighbours' commit be: it is not stopped midway, and undone alone")
    func cancelledBesideNeighbours() async throws {
        try await Engine.sqlite.withStore { store in
            let database = try store.open(Self.patient)
            try await database.executeScript(Self.schema)
            let (holder, release) = await hold(database)
            let writing = Event()
            let victim = Task {
                try await database.withTransaction { transaction in
                    try await transaction.execute("INSERT INTO t VALUES (1, 'a')")
                    writing.happen()
                    // Long enough to be cancelled midway.
                    try await transaction.execute(
                        """
                        INSERT INTO t SELECT count(*), 'x' FROM
                            (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300000) SELECT i FROM n)
                        """)
                }
            }
            while database.statistics.waitingForWriter < 1 { await Task.yield() }
            release.happen()
            await writing.wait()
            victim.cancel()
            try await expect(.cancelled) { try await victim.value }
            try await holder.value
            #expect(try await ids(database) == [0])
        }
    }

    @Test("a full disk is an error of its own, and undoes what it must and no more")
    func full() async throws {
        try await Engine.sqlite.withStore { store in
            let database = try store.open(Self.patient)
            try await database.executeScript(Self.schema)
            try await database.withTransaction { transaction in
                let pages: Int = try await transaction.query("PRAGMA page_count")[0].decode(0)
                try await transaction.query("PRAGMA max_page_count = \(raw: "\(pages + 4)")")
            }
            try await expect(.diskFull) { try await database.execute("INSERT INTO t VALUES (1, \(String(repeating: "x", count: 100_000)))") }
            try await database.execute("INSERT INTO t VALUES (2, 'small')")
            #expect(try await ids(database) == [2])
        }
    }

    @Test(
        "when the disk fails at the commit everybody in it is told, and a mended disk serves again",
        arguments: [(FaultyDisk.Fault.writing, DatabaseError.Code.diskFull), (.flushing, .commitUnknown)])
    func failingDisk(fault: FaultyDisk.Fault, code: DatabaseError.Code) async throws {
        try await Engine.sqlite.withStore { store in
            var options = Self.patient
            options.vfs = FaultyDisk.name
            let database = try store.open(options)
            try await database.executeScript(Self.schema)
            let (holder, release) = await hold(database)
            var tasks: [Task<Void, any Error>] = [holder]
            for id in 1...5 {
                tasks.append(Task { try await database.withTransaction { try await Self.insert(id)($0) } })
                // A transaction may refuse because of a row that never becomes durable: it has to hear of that too.
                tasks.append(
                    Task {
                        try await database.withTransaction { transaction in
                            if try await transaction.count("t") > 0 { throw Refusal() }
                        }
                    })
            }
            while database.statistics.waitingForWriter < 10 { await Task.yield() }
            FaultyDisk.set(fault, for: store.path)
            release.happen()
            for task in tasks { try await expect(code) { try await task.value } }
            FaultyDisk.set(nil, for: store.path)
            #expect(try await ids(database) == [])
            try await database.execute("INSERT INTO t VALUES (9, 'after')")
            #expect(try await ids(database) == [9])
            await database.shutdown()
            let again = try store.open(Self.patient)
            #expect(try await ids(again) == [9])
        }
    }

    @Test("under a storm of commits, failures, cancellations and deadlines every answer is true")
    func storm() async throws {
        try await Engine.sqlite.withStore { store in
            let database = try store.open(SQLiteDatabase.Options())
            try await database.executeScript(Self.schema)
            let outcomes = await withTaskGroup(of: (Int, Bool).self) { group in
                for id in 1...400 {
                    group.addTask {
                        let task = Task {
                            try await Deadline.with(.after(.milliseconds(id % 7 == 0 ? 1 : 600_000))) {
                                try await database.withTransaction { transaction in
                                    try await transaction.execute("INSERT INTO t VALUES (\(id), 'a')")
                                    if id % 5 == 0 { throw Refusal() }
                                    if id % 3 == 0 { await Task.yield() }
                                    try await transaction.execute("UPDATE t SET name = 'b' WHERE id = \(id)")
                                }
                            }
                        }
                        if id % 4 == 0 { task.cancel() }
                        let succeeded = (try? await task.value) != nil
                        return (id, succeeded)
                    }
                }
                return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            let expected = outcomes.filter(\.value).keys.sorted()
            #expect(try await ids(database) == expected)
            #expect(try await database.query("SELECT 1 FROM t WHERE name = 'a'").isEmpty)
            #expect(expected.count > 100)
            #expect(database.statistics.commits < expected.count)
        }
    }
}
