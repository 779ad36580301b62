import Basics
import Database
import Resilience
import Testing

@Suite struct SQLiteGroupCommitTests {
    private static let schema = """
        CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE child (id INTEGER REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED);
        """

    /// Opens a database whose groups have all the time they need, queues `members` behind a transaction that holds the writer,
    /// lets it go when all of them wait, and gives their errors (nil for success), in order.
    private func group(
        options: SQLiteDatabase.Options = Self.patient, _ members: [@Sendable (any SQLRunner) async throws -> Void],
        then check: (SQLiteDatabase, [(any Error)?], _ commits: Int) async throws -> Void
    ) async throws {
        try await Engine.sqlite.withStore { store in
            let database = try store.open(options)
            try await database.executeScript(Self.schema)
            let before = database.statistics.commits
            let (begun, release) = (Event(), Event())
            var tasks = [
                Task {
                    try await database.withTransaction { transaction in
                        try await transaction.execute("INSERT INTO t VALUES (0, 'holder')")
                        begun.happen()
                        await release.wait()
                    }
                }
            ]
            await begun.wait()
            for (index, member) in members.enumerated() {
                tasks.append(Task { try await database.withTransaction(.serializable) { try await member($0) } })
                while database.statistics.waitingForWriter <= index { await Task.yield() }
            }
            release.happen()
            var errors: [(any Error)?] = []
            for task in tasks {
                do {
                    try await task.value
                    errors.append(nil)
                } catch { errors.append(error) }
            }
            try await check(database, errors, database.statistics.commits - before)
        }
    }

    private static var patient: SQLiteDatabase.Options {
        var options = SQLiteDatabase.Options()
        options.groupAge = .seconds(3600)
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
        try await group((1...40).map { Self.insert($0) }) { database, errors, commits in
            #expect(errors.compactMap(\.self).isEmpty)
            #expect(commits == 1)
            #expect(try await ids(database) == Array(0...40))
        }
    }

    @Test("single statements share a commit too, and each gets its own count")
    func singles() async throws {
        try await Engine.sqlite.withStore { store in
            let database = try store.open(Self.patient)
            try await database.executeScript(Self.schema)
            let before = database.statistics.commits
            let (begun, release) = (Event(), Event())
            let holder = Task {
                try await database.withTransaction { transaction in
                    try await transaction.execute("INSERT INTO t VALUES (0, 'holder')")
                    begun.happen()
                    await release.wait()
                }
            }
            await begun.wait()
            var tasks: [Task<Int, any Error>] = []
            for id in 1...20 {
                tasks.append(Task { try await database.execute("INSERT INTO t VALUES (\(id), 'a') ON CONFLICT DO NOTHING") })
                tasks.append(Task { try await database.execute("INSERT INTO t VALUES (\(id), 'b') ON CONFLICT DO NOTHING") })
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
        try await group(options: options, (1...39).map(Self.insert)) { database, errors, commits in
            #expect(errors.compactMap(\.self).isEmpty)
            #expect(commits == 4)
            #expect(try await database.count("t") == 40)
        }
    }

    @Test("nobody joins a group that is too old, so without patience each commits alone")
    func age() async throws {
        var options = Self.patient
        options.groupAge = .zero
        try await group(options: options, (1...9).map(Self.insert)) { database, errors, commits in
            #expect(errors.compactMap(\.self).isEmpty)
            #expect(commits == 10)
        }
    }

    @Test("a failing transaction undoes itself alone")
    func failing() async throws {
        let members: [@Sendable (any SQLRunner) async throws -> Void] = [
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
        ]
        try await group(members) { database, errors, commits in
            #expect(errors[0] == nil && errors[1] == nil && errors[3] == nil && errors[5] == nil)
            #expect(errors[2] is Refusal)
            #expect((errors[4] as? DatabaseError)?.code == .uniqueViolation)
            #expect(commits == 1)
            #expect(try await ids(database) == [0, 1, 3, 5])
        }
    }

    @Test("a deferred foreign key fails the transaction that violated it, not the commit of its neighbours")
    func deferredKey() async throws {
        let members: [@Sendable (any SQLRunner) async throws -> Void] = [
            { try await $0.execute("INSERT INTO child VALUES (77)") },
            { transaction in
                try await transaction.execute("INSERT INTO child VALUES (2)")
                try await transaction.execute("INSERT INTO t VALUES (2, 'parent, later')")
            },
        ]
        try await group(members) { database, errors, commits in
            #expect(errors[0] == nil && errors[2] == nil)
            #expect((errors[1] as? DatabaseError)?.code == .foreignKeyViolation)
            #expect(commits == 1)
            #expect(try await database.query("SELECT id FROM child").map { try $0.decode(0, as: Int.self) } == [2])
        }
    }

    @Test("when SQLite rolls the whole commit back, everybody in it gets an error, and the next group is whole again")
    func lost() async throws {
        let members: [@Sendable (any SQLRunner) async throws -> Void] = [
            Self.insert(1),
            { try await $0.execute("INSERT OR ROLLBACK INTO t VALUES (1, 'twice')") },
            Self.insert(3),
        ]
        try await group(members) { database, errors, commits in
            #expect((errors[0] as? DatabaseError)?.code == .serializationFailure)
            #expect((errors[1] as? DatabaseError)?.code == .serializationFailure)
            #expect((errors[2] as? DatabaseError)?.code == .uniqueViolation)
            #expect(errors[3] == nil)
            #expect(commits == 1)
            #expect(try await ids(database) == [3])
        }
    }

    @Test("a body that hides the error that rolled everything back does not pass for committed")
    func hidden() async throws {
        let members: [@Sendable (any SQLRunner) async throws -> Void] = [
            { transaction in
                try await transaction.execute("INSERT INTO t VALUES (1, 'a')")
                _ = try? await transaction.execute("INSERT OR ROLLBACK INTO t VALUES (1, 'twice')")
                _ = try? await transaction.execute("INSERT INTO t VALUES (2, 'outside of any transaction')")
            }
        ]
        try await group(members) { database, errors, _ in
            #expect((errors[1] as? DatabaseError)?.code == .uniqueViolation)
            #expect(try await database.count("t") == 0)
        }
    }

    @Test("a write stopped at its deadline in a shared commit costs its neighbours a retry, never a half-written row")
    func interrupted() async throws {
        let members: [@Sendable (any SQLRunner) async throws -> Void] = [
            { transaction in
                try await Deadline.with(.after(.milliseconds(20))) {
                    try await transaction.execute(
                        "INSERT INTO t SELECT count(*), 'x' FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n)")
                }
            },
            Self.insert(2),
        ]
        try await group(members) { database, errors, _ in
            #expect((errors[0] as? DatabaseError)?.isTransient == true)
            #expect((errors[1] as? DatabaseError)?.code == .timeout)
            #expect(errors[2] == nil)
            #expect(try await ids(database) == [2])
        }
    }

    @Test("a cancelled write lets its neighbours' commit be: it is not stopped midway, and undone alone")
    func cancelledBesideNeighbours() async throws {
        try await Engine.sqlite.withStore { store in
            let database = try store.open(Self.patient)
            try await database.executeScript(Self.schema)
            let (begun, release) = (Event(), Event())
            let holder = Task {
                try await database.withTransaction { transaction in
                    try await transaction.execute("INSERT INTO t VALUES (0, 'holder')")
                    begun.happen()
                    await release.wait()
                }
            }
            await begun.wait()
            let (writing, cancelled) = (Event(), Event())
            let victim = Task {
                try await database.withTransaction { transaction in
                    try await transaction.execute("INSERT INTO t VALUES (1, 'a')")
                    writing.happen()
                    await cancelled.wait()
                    try await transaction.execute("INSERT INTO t VALUES (2, 'b')")
                }
            }
            while database.statistics.waitingForWriter < 1 { await Task.yield() }
            release.happen()
            await writing.wait()
            victim.cancel()
            cancelled.happen()
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

    @Test("under a storm of commits, failures, cancellations and deadlines every answer is true")
    func storm() async throws {
        try await Engine.sqlite.withStore { store in
            let database = try store.open(SQLiteDatabase.Options())
            try await database.executeScript(Self.schema)
            let outcomes = await withTaskGroup(of: (Int, Bool).self) { group in
                for id in 1...400 {
                    group.addTask {
                        let task = Task {
                            try await Deadline.with(.after(.milliseconds(id % 7 == 0 ? 1 : 10_000))) {
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
