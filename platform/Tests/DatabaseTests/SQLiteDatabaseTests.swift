import Basics
import Database
import Foundation
import Resilience
import Testing

@Suite(.timeLimit(.minutes(5))) struct SQLiteDatabaseTests {
    private static let table: SQL = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)"

    @Test("a second opener of the file is refused and told who has it, until the first has shut down")
    func secondOpener() async throws {
        try await Engine.sqlite.withStore { store in
            let first = try SQLiteDatabase(path: store.path)
            let error = #expect(throws: DatabaseError.self) { try SQLiteDatabase(path: store.path) }
            #expect(error?.code == .busy)
            #expect(error?.message == "\(store.path) is in use by process \(getpid()); stop that process or choose another path")
            await first.shutdown()
            let second = try SQLiteDatabase(path: store.path)
            try await second.execute(Self.table)
            await second.shutdown()
        }
    }

    @Test("a database that nobody holds any more lets go of its file without a shutdown")
    func abandoned() async throws {
        try await Engine.sqlite.withStore { store in
            do {
                let first = try SQLiteDatabase(path: store.path)
                try await first.execute(Self.table)
            }
            var second: SQLiteDatabase?
            while second == nil {
                await Task.yield()
                second = try? SQLiteDatabase(path: store.path)
            }
            #expect(try await second?.count("t") == 0)
            await second?.shutdown()
        }
    }

    @Test("a file that is no database, or a damaged one, is refused in one line that names it", arguments: [true, false])
    func corrupt(isDatabase: Bool) async throws {
        try await Engine.sqlite.withStore { store in
            if isDatabase {
                let database = try SQLiteDatabase(path: store.path)
                try await database.execute(Self.table)
                for id in 1...2000 where id % 500 == 0 {
                    try await database.execute(
                        "WITH RECURSIVE n(i) AS (SELECT \(id) UNION ALL SELECT i + 1 FROM n LIMIT 500) INSERT INTO t SELECT i, 'text of row ' || i FROM n"
                    )
                }
                await database.shutdown()
                let file = try #require(FileHandle(forUpdatingAtPath: store.path))
                try file.seek(toOffset: 2 * 4096)
                try file.write(contentsOf: Data(repeating: 0x5A, count: 4096))
                try file.close()
            } else {
                try FileManager.default.createDirectory(atPath: store.folder, withIntermediateDirectories: true)
                try Data("certainly no database, but a text that is long enough".utf8).write(to: URL(fileURLWithPath: store.path))
            }
            let error = #expect(throws: DatabaseError.self) { try SQLiteDatabase(path: store.path) }
            #expect(error?.code == .corrupt)
            #expect(error?.message == "\(store.path) is damaged or is no SQLite database; move it away, or put a copy in its place")
            // The refused opener does not keep the lock.
            try FileManager.default.removeItem(atPath: store.path)
            await (try SQLiteDatabase(path: store.path)).shutdown()
        }
    }

    @Test("a folder that cannot be made, or a path that is a folder, is refused in one line that names it")
    func unusablePaths() async throws {
        try await Engine.sqlite.withStore { store in
            try FileManager.default.createDirectory(atPath: store.folder + "/folder.sqlite", withIntermediateDirectories: true)
            try Data().write(to: URL(fileURLWithPath: store.folder + "/file"))
            for path in ["/file/test.sqlite", "/file/deeper/test.sqlite", "/folder.sqlite"] {
                let error = #expect(throws: DatabaseError.self, "\(path)") { try SQLiteDatabase(path: store.folder + path) }
                #expect(error?.code == .unavailable)
                #expect(error?.message.contains(store.folder) == true)
                #expect(error?.message.contains("choose another path") == true)
                #expect(error?.message.contains("\n") == false)
            }
            #expect(throws: DatabaseError.self) { try SQLiteDatabase(path: "") }
        }
    }

    @Test("the file is in WAL mode, every commit is flushed, and foreign keys are enforced")
    func pragmas() async throws {
        try await Engine.sqlite.withDatabase { opened in
            let found = try await opened.database.withTransaction { transaction in
                var found: [SQLValue] = []
                for name in ["journal_mode", "synchronous", "foreign_keys", "trusted_schema"] {
                    found.append(try await transaction.query("PRAGMA \(raw: name)")[0].decode(0))
                }
                return found
            }
            #expect(found == [.text("wal"), .integer(2), .integer(1), .integer(0)])
        }
    }

    @Test("an answered commit is in the files already, without any shutdown")
    func durable() async throws {
        try await Engine.sqlite.withStore { store in
            let database = try store.open().database
            try await database.execute(Self.table)
            try await database.withTransaction { try await $0.execute("INSERT INTO t VALUES (1, 'a')") }
            // What a crash at this moment would leave.
            let copy = store.folder + "/copy.sqlite"
            for suffix in ["", "-wal"] { try FileManager.default.copyItem(atPath: store.path + suffix, toPath: copy + suffix) }
            let survivor = try SQLiteDatabase(path: copy)
            #expect(try await survivor.count("t") == 1)
            await survivor.shutdown()
        }
    }

    @Test("shutdown leaves one file whole, without a log beside it")
    func checkpoint() async throws {
        try await Engine.sqlite.withStore { store in
            let database = try store.open().database
            try await database.execute(Self.table)
            #expect(FileManager.default.fileExists(atPath: store.path + "-wal"))
            await database.shutdown()
            #expect(!FileManager.default.fileExists(atPath: store.path + "-wal"))
        }
    }

    @Test("a database in memory has the same transactions, and reads that wait their turn")
    func memory() async throws {
        let database = try SQLiteDatabase(.memory)
        try await database.execute(Self.table)
        await #expect(throws: Refusal()) {
            try await database.withTransaction { transaction in
                try await transaction.execute("INSERT INTO t VALUES (1, 'a')")
                throw Refusal()
            }
        }
        #expect(try await database.count("t") == 0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for id in 1...50 {
                group.addTask {
                    try await database.withTransaction { try await $0.execute("INSERT INTO t VALUES (\(id), 'a')") }
                    #expect(try await database.query("SELECT 1 FROM t WHERE id = \(id)").count == 1)
                }
            }
            try await group.waitForAll()
        }
        #expect(try await database.count("t") == 50)
        try await expect(.statement) { try await database.withTransaction { _ in _ = try await database.query("SELECT 1") } }
        await database.shutdown()
        try await expect(.closed) { _ = try await database.query("SELECT 1") }
    }

    @Test("a text may hold NUL bytes; a statement may not")
    func nulBytes() async throws {
        try await Engine.sqlite.withDatabase { opened in
            try await opened.database.execute(Self.table)
            try await opened.database.execute("INSERT INTO t VALUES (1, \("a\0b\0"))")
            #expect(try await opened.database.query("SELECT name FROM t")[0].decode(0, as: String.self) == "a\0b\0")
            try await expect(.statement) { try await opened.database.query("SELECT 1\(raw: "\0 nonsense")") }
        }
    }

    @Test("transactions are controlled by withTransaction alone", arguments: ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT s", "/* c */ END"])
    func control(statement: String) async throws {
        try await Engine.sqlite.withDatabase { opened in
            let database = opened.database
            try await database.execute(Self.table)
            try await expect(.statement) { try await database.execute("\(raw: statement)") }
            try await expect(.statement) { try await database.query("\(raw: statement)") }
            await #expect(throws: DatabaseError.self) {
                try await database.withTransaction { transaction in
                    try await transaction.execute("INSERT INTO t VALUES (1, 'a')")
                    try await transaction.execute("\(raw: statement)")
                }
            }
            #expect(try await database.count("t") == 0)
        }
    }

    @Test("an error of a running statement, whose message in SQLite quotes a value, does not repeat it")
    func quotedValue() async throws {
        try await Engine.sqlite.withDatabase { opened in
            let error = await #expect(throws: DatabaseError.self) { try await opened.database.query("SELECT json_extract('{}', \("secret"))") }
            #expect(error?.code == .statement)
            #expect(error.map { String(reflecting: $0) }?.contains("secret") == false)
        }
    }

    @Test("what SQLite cannot store as it is, or text that is not UTF-8, is an error and not another value")
    func unfaithful() async throws {
        try await Engine.sqlite.withDatabase { opened in
            try await expect(.statement) { try await opened.database.query("SELECT \(Double.nan)") }
            try await expect(.decoding) { try await opened.database.query("SELECT CAST(x'ff' AS TEXT) AS broken") }
        }
    }

    @Test("more statements than the cache holds all run, and a changed table is read with its new columns")
    func statementCache() async throws {
        try await Engine.sqlite.withStore { store in
            var options = SQLiteDatabase.Options()
            options.statementCacheCapacity = 8
            let database = try store.open(options)
            try await database.execute(Self.table)
            for round in 0..<3 {
                for id in 0..<20 {
                    #expect(try await database.query("SELECT \(raw: "\(id)") AS n")[0].decode("n", as: Int.self) == id)
                    try await database.execute("INSERT INTO t VALUES (\(raw: "\(id + round * 20)"), 'x')")
                }
            }
            #expect(try await database.query("SELECT * FROM t LIMIT 1")[0].columnNames == ["id", "name"])
            try await database.execute("ALTER TABLE t ADD COLUMN extra TEXT DEFAULT 'e'")
            let row = try await database.query("SELECT * FROM t LIMIT 1")[0]
            #expect(row.columnNames == ["id", "name", "extra"])
            #expect(try row.decode("extra", as: String.self) == "e")
        }
    }

    @Test("more endless reads than readers all end at their deadline, whether running or waiting")
    func busyReaders() async throws {
        try await Engine.sqlite.withDatabase { opened in
            let database = opened.database
            let codes = try await withThrowingTaskGroup(of: DatabaseError.Code?.self) { group in
                for _ in 0..<6 {
                    group.addTask {
                        try await code {
                            try await Deadline.with(.after(.milliseconds(30))) {
                                _ = try await database.query("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")
                            }
                        }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(codes.allSatisfy { $0 == .timeout })
            #expect(try await database.query("SELECT 1").count == 1)
        }
    }
}
